/**
 * Files of the local disk as the folder port sees them: their state, and reading from any offset.
 *
 * Both runtimes give times of modification in milliseconds and of change in seconds, whatever call is
 * used. Two writes within one tick of the file system's clock leave the same times behind; the walk through
 * the folder allows for that.
 */

import * as fs from "node:fs";
import type { FileState, OpenFile } from "../store/folder.ts";
import { errorNameOf, reasonOf } from "./disk_failure.ts";

/** Without O_NONBLOCK, opening a pipe that took the place of a file would freeze the whole process. */
const OPEN_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/** The permission bit of a file's owner to execute it. */
const OWNER_MAY_EXECUTE = 0o100;

/**
 * A file that was written less than this ago could be written again without a new time of modification:
 * file systems take it from a clock of up to 10 ms a tick. (Git calls such files "racily clean".)
 */
const RACY_MS = 20;

let racyCount = 0;

/** The state of the file that `info` describes. */
export function stateOf(info: Deno.FileInfo): FileState {
  const { ino, size, mtime, ctime, mode } = info;
  const times: Times = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
  return { size, stamp: stampOf(ino ?? 0, size, { times, mode }) };
}

/** The stamp to be remembered of a file: that of its state, or one that equals no other if that may not last. */
export function rememberedStamp(info: Deno.FileInfo): string {
  const { stamp } = stateOf(info);
  const isRacy = info.mtime !== null && Math.abs(Date.now() - info.mtime.getTime()) < RACY_MS;
  return isRacy ? `${stamp}.racy${++racyCount}` : stamp;
}

/**
 * Sets the time of modification of a file that nobody else sees back so far that any write from now on shows in its
 * stamp.
 */
export function makeStampLast(path: string): void {
  const seconds = (Date.now() - 2 * RACY_MS) / 1000;
  try {
    Deno.utimeSync(path, seconds, seconds);
  } catch {
    // Not every file system lets times be set. Then the stamp may be one that is not remembered.
  }
}

/** Whether a file's owner may execute it. */
export function isExecutable(mode: number | null): boolean {
  return ((mode ?? 0) & OWNER_MAY_EXECUTE) !== 0;
}

/** Times of modification and change, in milliseconds. */
type Times = readonly [modified: number, changed: number];

/** The time of change has whole seconds only, so a new mode may leave it as it was. */
function stampOf(
  inode: number,
  size: number,
  { times: [modified, changed], mode }: { readonly times: Times; readonly mode: number | null },
): string {
  return `${inode}.${size}.${modified}.${changed}${isExecutable(mode) ? ".x" : ""}`;
}

/** Whether there is anything at `path`. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The state of the regular file at `path`, or `undefined` where there is none that can be looked at. */
export function lookAt(path: string): FileState | undefined {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile ? stateOf(info) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens the regular file of that name below `root`, if the way to it leads over folders only.
 *
 * @throws {Error} `Cannot open NAME: reason`.
 */
export function openBelow(root: string, name: string): OpenFile {
  const obstacle = obstacleOnWay(root, name);
  if (obstacle === undefined) return openRegular(`${root}/${name}`, name);
  throw new Error(`Cannot open ${name}: ${obstacle} is not a folder`);
}

/** What is missing, or no folder, on the way from `root` to the file of that name. */
export function obstacleOnWay(root: string, name: string): string | undefined {
  for (let end = name.indexOf("/"); end >= 0; end = name.indexOf("/", end + 1)) {
    const folder = name.slice(0, end);
    if (!isFolder(`${root}/${folder}`)) return folder;
  }
  return undefined;
}

/** Whether there is a folder at `path`, not a symbolic link to one. */
function isFolder(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Opens the regular file at `path` for reading.
 *
 * @param name What errors call the file.
 * @throws {Error} `Cannot open NAME: reason`.
 */
export function openRegular(path: string, name: string): OpenFile {
  let descriptor: number | undefined;
  try {
    const seen = Deno.lstatSync(path);
    if (!seen.isFile) throw new Error(`it is ${kindOf(seen)}`);
    descriptor = fs.openSync(path, OPEN_FLAGS);
    const file = new LocalFile(descriptor, name);
    // O_NOFOLLOW would not do: with restricted permissions, Deno resolves links before it opens.
    if (!sameInode(seen, fs.fstatSync(descriptor))) throw new Error("it was replaced meanwhile");
    return file;
  } catch (error) {
    if (descriptor !== undefined) fs.closeSync(descriptor);
    throw new Error(`Cannot open ${name}: ${reasonOf(error)}`);
  }
}

/** Fills `into` from the start of the file at `path`. False where it is too short, or gone. */
export function readStart(path: string, into: Uint8Array): boolean {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, OPEN_FLAGS);
  } catch (error) {
    if (errorNameOf(error) === "ENOENT") return false;
    throw new Error(`Cannot open ${path}: ${reasonOf(error)}`);
  }
  try {
    let filled = 0;
    while (filled < into.length) {
      // A position, even the one where the file stands anyway, would cost three seeks.
      const count = fs.readSync(descriptor, into, filled, into.length - filled, null);
      if (count === 0) return false;
      filled += count;
    }
    return true;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What something on the disk is, as in "it is a folder". */
export function kindOf(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a symbolic link";
  if (info.isDirectory) return "a folder";
  if (info.isFifo) return "a pipe";
  if (info.isSocket) return "a socket";
  if (info.isBlockDevice || info.isCharDevice) return "a device";
  return info.isFile ? "a file" : "neither a file nor a folder";
}

function sameInode(a: Deno.FileInfo, b: fs.Stats): boolean {
  return b.isFile() && a.ino === b.ino && a.dev === b.dev;
}

/** An open file that any number of reads share. */
class LocalFile implements OpenFile {
  readonly #descriptor: number;
  readonly #name: string;
  #readCount = 0;
  #closed = false;

  constructor(descriptor: number, name: string) {
    this.#descriptor = descriptor;
    this.#name = name;
  }

  state(): FileState {
    const { ino, size, mtimeMs, ctimeMs, mode } = fs.fstatSync(this.#descriptor);
    return { size, stamp: stampOf(ino, size, { times: [mtimeMs, ctimeMs], mode }) };
  }

  async read(into: Uint8Array, offset: number): Promise<void> {
    if (this.#closed) throw new Error(`Cannot read ${this.#name}: it is closed`);
    this.#readCount++;
    try {
      let filled = 0;
      while (filled < into.length) {
        const count = await this.#readSome(into, filled, offset + filled);
        if (count === 0) {
          throw new Error(`Cannot read ${this.#name}: it ends at byte ${offset + filled}`);
        }
        filled += count;
      }
    } finally {
      this.#readCount--;
      this.#closeWhenIdle();
    }
  }

  /** Takes effect when the reads under way have ended, as the number may name another file then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#closed && this.#readCount === 0) fs.closeSync(this.#descriptor);
  }

  #readSome(into: Uint8Array, start: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const length = into.length - start;
      fs.read(this.#descriptor, into, start, length, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(new Error(`Cannot read ${this.#name}: ${reasonOf(error)}`));
      });
    });
  }
}
