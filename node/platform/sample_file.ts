/** Makes files of pseudo-random bytes for the demo. */

import type { SampleFileOptions } from "../command/world.ts";

const PIECE_SIZE = 1024 * 1024;

/** Writes the file in pieces; xorshift (G. Marsaglia, 2003) is random enough and quick. */
export async function makeSampleFile(
  path: string,
  { size, flipEvery, signal }: SampleFileOptions,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const words = new Uint32Array(PIECE_SIZE / 4);
  const bytes = new Uint8Array(words.buffer);
  let state = 0x9e3779b9;
  for (let offset = 0; offset < size; offset += PIECE_SIZE) {
    signal.throwIfAborted();
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    if (flipEvery !== undefined) { for (let i = 0; i < PIECE_SIZE; i += flipEvery) bytes[i]! ^= 1; }
    const piece = bytes.subarray(0, Math.min(PIECE_SIZE, size - offset));
    for (let written = 0; written < piece.length;) {
      written += await file.write(piece.subarray(written));
    }
  }
}
