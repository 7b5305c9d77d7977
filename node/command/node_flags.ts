/** What the commands that are nodes of a swarm have in common: their arguments, flags and progress. */

import type { DownloadProgress } from "../swarm/download.ts";
import type { TransferProgress } from "../terminal/progress.ts";
import { ProgressBoard } from "../terminal/progress_board.ts";
import type { World } from "./world.ts";

const MIB = 1024 * 1024;

export const trackerPositionals = {
  trackerHost: { doc: "where the tracker is" },
  trackerPort: { kind: "port", doc: "the tracker's port" },
} as const;

export const nodeFlags = {
  connections: {
    kind: "count",
    default: 8,
    min: 1,
    max: 64,
    doc: "peers to fetch a file from at once",
  },
  announceEvery: {
    kind: "count",
    default: 10,
    min: 1,
    doc: "blocks between two reports to the tracker",
  },
  cache: { kind: "size", default: 256 * MIB, doc: "memory for the blocks asked for most" },
  upLimit: { kind: "size", min: 1, doc: "bytes per second to send at most" },
  downLimit: { kind: "size", min: 1, doc: "bytes per second to receive at most" },
  port: { kind: "port", default: 0, doc: "port to accept peers on" },
  host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
} as const;

/** A download as a progress line shows it. */
export function asTransfer(progress: DownloadProgress): TransferProgress {
  const { name, size, bytes, rate, peerCount, badBlockCount } = progress;
  return {
    name,
    bytesDone: bytes,
    bytesTotal: size,
    bytesPerSecond: rate,
    peers: peerCount,
    badBlocks: badBlockCount,
  };
}

/** Where progress is shown: bars on a terminal, events with --json, nothing else. */
export interface ProgressView {
  show(downloads: readonly DownloadProgress[]): void;
  log(line: string): void;
  end(): void;
}

export function progressOf(world: World, json: boolean): ProgressView {
  if (json) return jsonProgress(world);
  const board = new ProgressBoard(world.terminal.screen, world.clock);
  return {
    show: (downloads) => board.update(downloads.map(asTransfer)),
    log: (line) => board.log(line),
    end: () => board[Symbol.dispose](),
  };
}

function jsonProgress(world: World): ProgressView {
  return {
    show: (downloads) => {
      for (const { name, size, bytes, rate, peerCount, badBlockCount } of downloads) {
        const counts = { peers: peerCount, bad_blocks: badBlockCount };
        const progress = { event: "progress", name, bytes, size, rate, ...counts };
        world.print(JSON.stringify(progress));
      }
    },
    log: () => {},
    end: () => {},
  };
}
