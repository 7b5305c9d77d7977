/** The user's files outside of a synced folder, on the local disk. */

import { basename, dirname, join, resolve } from "node:path";
import type { LocalFiles } from "../command/local_files.ts";
import { Folders } from "../store/folders.ts";
import { errorNameOf, reasonOf } from "./disk_failure.ts";
import { fileCalls } from "./file_calls.ts";
import { kindOf } from "./file_state.ts";
import { place } from "./place.ts";

const PIECE_SIZE = 1 << 20;
/** The permission bit of a file's owner to execute it. */
const OWNER_MAY_EXECUTE = 0o100;

export const localFiles: LocalFiles = {
  async resolve(path) {
    const absolute = resolve(Deno.cwd(), path);
    try {
      return await Deno.realPath(absolute);
    } catch {
      // What is to be made does not exist yet, but the folder that it goes into does.
      const folder = await Deno.realPath(dirname(absolute)).catch(() => dirname(absolute));
      return join(folder, basename(absolute));
    }
  },

  isFolder(path) {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  },

  async copyIn(from, temporary) {
    try {
      const info = await Deno.stat(from);
      // A pipe would never end, and opening one freezes the whole process.
      if (!info.isFile) throw new Error(`it is ${kindOf(info)}, and only files can be copied`);
      await Deno.copyFile(from, temporary);
      return { executable: ((info.mode ?? 0) & OWNER_MAY_EXECUTE) !== 0 };
    } catch (error) {
      throw new Error(`Cannot read ${from}: ${reasonOf(error)}`);
    }
  },

  async copyOut(from, to) {
    const temporary = join(dirname(to), `.p2pnode-${crypto.randomUUID()}`);
    try {
      await copyTo(temporary, { from, named: to });
      const placement = { temporary, path: to, replace: false };
      const failure = place(placement, new Folders(dirname(to), fileCalls));
      if (failure === undefined) return true;
      if (failure.code === "exists" && await areSame(temporary, to)) return false;
      throw new Error(failure.error);
    } finally {
      await removeFile(temporary);
    }
  },

  haveSameBytes,
  remove: removeFile,
};

async function copyTo(
  temporary: string,
  { from, named }: { readonly from: string; readonly named: string },
): Promise<void> {
  try {
    await Deno.copyFile(from, temporary);
  } catch (error) {
    throw new Error(`Cannot write ${named}: ${reasonOf(error)}`);
  }
}

/** Whether what is at `path` is a regular file with the same bytes. */
async function areSame(file: string, path: string): Promise<boolean> {
  return (await Deno.lstat(path)).isFile && await haveSameBytes(file, path);
}

async function haveSameBytes(a: string, b: string): Promise<boolean> {
  using left = await Deno.open(a);
  using right = await Deno.open(b);
  if ((await left.stat()).size !== (await right.stat()).size) return false;
  const [leftPiece, rightPiece] = [new Uint8Array(PIECE_SIZE), new Uint8Array(PIECE_SIZE)];
  while (true) {
    const [leftCount, rightCount] = [await fill(left, leftPiece), await fill(right, rightPiece)];
    if (leftCount !== rightCount) return false;
    if (leftCount === 0) return true;
    for (let index = 0; index < leftCount; index++) {
      if (leftPiece[index] !== rightPiece[index]) return false;
    }
  }
}

/** Reads until the piece is full or the file ends. Answers how much there is. */
async function fill(file: Deno.FsFile, piece: Uint8Array): Promise<number> {
  let size = 0;
  while (size < piece.length) {
    const count = await file.read(piece.subarray(size));
    if (count === null) break;
    size += count;
  }
  return size;
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (errorNameOf(error) !== "ENOENT") throw error;
  }
}
