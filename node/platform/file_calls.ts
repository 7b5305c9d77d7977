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
  renameToFree,
  link,
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

/** A rename always replaces, a link never does, and costs no more together with the removal. */
function renameToFree(from: string, to: string): void {
  try {
    Deno.linkSync(from, to);
  } catch (error) {
    if (!WITHOUT_LINKS.includes(errorNameOf(error))) throw error;
    return renameIfMissing(from, to);
  }
  fs.unlinkSync(from);
}

/** The next best thing where there are no links; a file that appears in between is replaced. */
function renameIfMissing(from: string, to: string): void {
  if (look(to) !== undefined) throw new FileError("EEXIST");
  Deno.renameSync(from, to);
}

/** Where there are no links, the file is copied; the copy is good enough to be kept. */
function link(from: string, to: string): void {
  try {
    Deno.linkSync(from, to);
  } catch (error) {
    const name = errorNameOf(error);
    if (WITHOUT_LINKS.includes(name)) return Deno.copyFileSync(from, to);
    if (name !== "EEXIST") throw error;
    fs.unlinkSync(to);
    Deno.linkSync(from, to);
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
