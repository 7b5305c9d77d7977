/**
 * Folders and files for tests: made from a seed, compared byte for byte, gone when the test ends.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";

const PIECE_SIZE = 1 << 20;
/** What files are read into to be hashed: one for all, since trees of very many small files are. */
const hashBuffer = new Uint8Array(PIECE_SIZE);

/** A folder that is removed with all that is in it when its `using` ends. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
  /** A path below it. */
  join(...parts: string[]): string;
}

/** Makes an empty folder. */
export function temporaryFolder(): TemporaryFolder {
  const path = Deno.makeTempDirSync({ prefix: "p2pnode-test-" });
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** `size` bytes that look random and are the same for the same seed. */
export function randomBytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  fillRandom(words, seedState(seed));
  return new Uint8Array(words.buffer, 0, size);
}

/** Writes a file of `size` bytes that look random and are the same for the same seed, about 1 GB a second. */
export async function randomFile(path: string, size: number, seed: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const state = seedState(seed);
  const words = new Uint32Array(Math.ceil(Math.min(PIECE_SIZE, size) / 4));
  for (let offset = 0; offset < size; offset += PIECE_SIZE) {
    fillRandom(words, state);
    writeAll(file, new Uint8Array(words.buffer, 0, Math.min(PIECE_SIZE, size - offset)));
  }
}

/** Whether two files hold the same bytes. Throws when one of them is missing. */
export async function sameFile(a: string, b: string): Promise<boolean> {
  using fileA = await Deno.open(a);
  using fileB = await Deno.open(b);
  const { size } = await fileA.stat();
  if (size !== (await fileB.stat()).size) return false;
  // Small files have small buffers, since some comparisons are of very many; never empty ones.
  const bufferSize = Math.min(PIECE_SIZE, size + 1);
  const [bufferA, bufferB] = [new Uint8Array(bufferSize), new Uint8Array(bufferSize)];
  while (true) {
    const pieceA = readFull(fileA, bufferA);
    const pieceB = readFull(fileB, bufferB);
    if (!sameBytes(pieceA, pieceB)) return false;
    if (pieceA.length === 0) return true;
  }
}

/**
 * Everything below a folder by its relative path, sorted: a file's SHA-256 in hex, `link TARGET` of a
 * symbolic link, `folder` of a folder. Two trees are equal when their answers are.
 */
export async function treeOf(
  folder: string,
  { without = [] }: { /** Names to leave out, wherever they stand. */ without?: string[] } = {},
): Promise<Record<string, string>> {
  const tree: [string, string][] = [];
  const visit = async (prefix: string) => {
    for await (const entry of Deno.readDir(join(folder, prefix))) {
      if (without.includes(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.isDirectory) {
        tree.push([path, "folder"]);
        await visit(`${path}/`);
      } else if (entry.isSymlink) {
        tree.push([path, `link ${await Deno.readLink(join(folder, path))}`]);
      } else {
        tree.push([path, hashOfFile(join(folder, path))]);
      }
    }
  };
  await visit("");
  return Object.fromEntries(tree.sort(([a], [b]) => a < b ? -1 : 1));
}

/** The SHA-256 of a file's bytes in hex. */
export function hashOfFile(path: string): string {
  using file = Deno.openSync(path);
  const hash = createHash("sha256");
  for (let size = file.readSync(hashBuffer); size !== null; size = file.readSync(hashBuffer)) {
    hash.update(hashBuffer.subarray(0, size));
  }
  return hash.digest("hex");
}

/** The state of the generator sfc32 (Chris Doty-Humphrey, PractRand), mixed until seeds are far apart. */
function seedState(seed: number): Uint32Array {
  const state = new Uint32Array([seed, Math.floor(seed / 2 ** 32), 0x9e3779b9, 1]);
  fillRandom(new Uint32Array(16), state);
  return state;
}

/** Fills `words` from sfc32 and leaves `state` ready for the words that follow. */
function fillRandom(words: Uint32Array, state: Uint32Array): void {
  let [a, b, c, counter] = state as unknown as [number, number, number, number];
  for (let index = 0; index < words.length; index++) {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    words[index] = sum;
  }
  state.set([a, b, c, counter]);
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/** Reads until `buffer` is full or the file ends. */
function readFull(file: Deno.FsFile, buffer: Uint8Array): Uint8Array {
  let size = 0;
  while (size < buffer.length) {
    const count = file.readSync(buffer.subarray(size));
    if (count === null) break;
    size += count;
  }
  return buffer.subarray(0, size);
}

/** Whether two arrays hold the same bytes; node's comparison, since a loop takes long for large files. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
