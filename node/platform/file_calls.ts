/** The file calls on the local disk. */

import * as fs from "node:fs";
import type { FileCalls, FileInfo } from "../store/file_calls.ts";
import { errorNameOf, failureOf, FileError } from "./disk_failure.ts";
import { rememberedStamp, stateOf } from "./file_state.ts";

/** Errors of file systems that have no hard links, such as exFAT. */
const WITHOUT_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Without O_NONBLOCK, opening a pipe that took the place of a file would freeze the whole process. */
const OPEN_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

export const fileCalls: FileCalls = {
  look,
  rename: (from, to) => Deno.renameSync(from, to),
  link,
  readLink,
  makeLink: (path, target) => Deno.symlinkSync(target, path),
  remove: (path) => fs.unlinkSync(path),
  makeFolder: (path) => Deno.mkdirSync(path),
  removeFolder: (path) => fs.rmdirSync(path),
  setMode,
  list,
  failure: failureOf,
};

function look(path: string): FileInfo | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { ino, mode, mtime } = info;
  return {
    kind: info.isFile ? "file" : info.isDirectory ? "folder" : "other",
    inode: ino ?? 0,
    modifiedMs: mtime?.getTime() ?? 0,
    mode: (mode ?? 0) & 0o777,
    seenStamp: rememberedStamp(info),
    ...stateOf(info),
  };
}

function link(from: string, to: string): boolean {
  try {
    Deno.linkSync(from, to);
    return true;
  } catch (error) {
    if (WITHOUT_LINKS.includes(errorNameOf(error))) return false;
    throw error;
  }
}

function readLink(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    // EINVAL: it is something else.
    if (["ENOENT", "EINVAL", "ENOTDIR"].includes(errorNameOf(error))) return undefined;
    throw error;
  }
}

/** A mode is set on the open file, because the path may lead to another one by now. */
function setMode(path: string, mode: number, inode: number): void {
  if (Deno.build.os === "windows") return;
  const descriptor = fs.openSync(path, OPEN_FLAGS);
  try {
    const { ino } = fs.fstatSync(descriptor);
    if (ino !== inode) throw new FileError("ENOENT");
    fs.fchmodSync(descriptor, mode);
  } finally {
    fs.closeSync(descriptor);
  }
}

function list(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
