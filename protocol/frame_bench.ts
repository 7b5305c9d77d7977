/**
 * What the codec and the frame reader cost, without a socket.
 *
 * `encode` and `decode` are one frame an iteration. `read` is `FRAMES_PER_READ` frames an iteration, from a
 * stream that always has bytes, chunks read into a buffer of the caller.
 */

import { Cursor } from "./fields.ts";
import { FrameReader } from "./frame_reader.ts";
import { HEADER_SIZE } from "./header.ts";
import { decodeBody, decodeHead, encode, type Message } from "./messages.ts";

const FRAMES_PER_READ = 1000;

const id = new Uint8Array(32).fill(7);
const file = { id, size: 2 ** 30 };
const description = { ...file, blockSize: 2 ** 20, publisher: id };
const announcedFiles = Array.from({ length: 100 }, (_, i) => ({
  ...description,
  name: `folder/subfolder/file-${i}.bin`,
  have: new Uint8Array(i % 2 === 0 ? 0 : 16),
}));
const announce = { type: "announce", port: 6001, first: true, last: true } as const;
const holders = Array.from({ length: 8 }, () => ({
  nodeId: id,
  host: "192.0.2.1",
  port: 6001,
  have: new Uint8Array(128),
}));
const whole = { name: "folder/file.bin", blockSize: 2 ** 18, publisher: id };

const samples: Record<string, { message: Message; chunkSize?: number }> = {
  "announce of 100 files": { message: { ...announce, files: announcedFiles } },
  "announce of 1 file": { message: { ...announce, files: announcedFiles.slice(0, 1) } },
  "announced": { message: { type: "announced", ttlMs: 30_000, nodeCount: 10_000 } },
  "progress": { message: { type: "progress", ...file, have: new Uint8Array(128) } },
  "holders, 8": { message: { type: "holders", seeders: 1, leechers: 7, holders } },
  "ping": { message: { type: "ping" } },
  "getBlock": { message: { type: "getBlock", ...file, index: 5 } },
  "have of 10 blocks": {
    message: { type: "have", ...file, indexes: Array.from({ length: 10 }, (_, i) => i) },
  },
  "whole with 4 KiB": {
    message: { type: "whole", position: 1, ...whole, signature: new Uint8Array(64) },
    chunkSize: 4 * 1024,
  },
  "blockData with 1 MiB": { message: { type: "blockData", offset: 0 }, chunkSize: 1024 * 1024 },
};

/** Repeats one frame `count` times, as fast as it is read. */
class RepeatedFrame {
  #at = 0;
  #left: number;
  constructor(readonly frame: Uint8Array, count: number) {
    this.#left = count * frame.length;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#left === 0) return Promise.resolve(null);
    const count = Math.min(into.length, this.#left);
    for (let filled = 0; filled < count;) {
      const part = this.frame.subarray(this.#at, this.#at + count - filled);
      into.set(part, filled);
      filled += part.length;
      this.#at = (this.#at + part.length) % this.frame.length;
    }
    this.#left -= count;
    return Promise.resolve(count);
  }
}

for (const [name, { message, chunkSize = 0 }] of Object.entries(samples)) {
  const head = encode(message, 1, chunkSize);

  Deno.bench(`encode ${name}`, { group: "encode" }, () => {
    encode(message, 1, chunkSize);
  });

  Deno.bench(`decode ${name}`, { group: "decode" }, () => {
    const body = new Cursor(head, HEADER_SIZE);
    decodeBody(decodeHead(body.view, 0).name, body);
  });

  const frame = new Uint8Array(head.length + chunkSize);
  frame.set(head);
  const count = chunkSize > 64 * 1024 ? FRAMES_PER_READ / 100 : FRAMES_PER_READ;
  const into = new Uint8Array(chunkSize);
  Deno.bench(`read ${count} frames of ${name}`, { group: "read" }, async () => {
    const reader = new FrameReader(new RepeatedFrame(frame, count));
    for (let frame; (frame = await reader.next()) !== null;) {
      if (frame.chunkSize > 0) await reader.readChunk(into);
    }
  });
}
