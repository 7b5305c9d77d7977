/** libtorrent-rasterbar, driven by a small Python program beside this file. */

import { fileURLToPath } from "node:url";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort } from "./ports.ts";

const PROGRAM = fileURLToPath(new URL("libtorrent_peer.py", import.meta.url));

/** Settings of a session, by their names there. */
export type LibtorrentSettings = Readonly<Record<string, number>>;

/** More threads, longer queues and larger buffers than it comes with: what made it fastest on loopback. */
export const TUNED: LibtorrentSettings = {
  aio_threads: 4,
  hashing_threads: 2,
  max_out_request_queue: 3000,
  max_allowed_in_request_queue: 4000,
  send_buffer_watermark: 8 * 1024 * 1024,
  send_buffer_low_watermark: 1024 * 1024,
  send_buffer_watermark_factor: 150,
  request_queue_time: 1,
  max_queued_disk_bytes: 64 * 1024 * 1024,
  recv_socket_buffer_size: 4 * 1024 * 1024,
  send_socket_buffer_size: 4 * 1024 * 1024,
};

export interface LibtorrentOptions {
  /** The Python that has libtorrent. */
  readonly python: string;
  readonly torrent: string;
  readonly folder: string;
  /** Added to the defaults. */
  readonly settings?: LibtorrentSettings;
  /** A port of a node to connect to at once; else the tracker tells. */
  readonly peerPort?: number;
}

/** Starts a node; it prints `whole` when every piece is here and checked, and then serves. */
export function startLibtorrent(options: LibtorrentOptions): LibtorrentNode {
  const { python, torrent, folder, settings = {}, peerPort } = options;
  const port = freePort();
  const peer = peerPort === undefined ? [] : [String(peerPort)];
  const args = [torrent, folder, String(port), JSON.stringify(settings), ...peer];
  return { port, process: new MeasuredProcess([python, "-u", PROGRAM, ...args]) };
}

export interface LibtorrentNode {
  readonly port: number;
  readonly process: MeasuredProcess;
}

/** Ends a node and answers how many bytes of pieces it had sent. */
export async function sentBytesAtEnd({ process }: LibtorrentNode): Promise<number> {
  await process.stop();
  const [, sent] = await process.line(/^sent (\d+)$/);
  return Number(sent);
}
