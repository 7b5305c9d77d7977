/**
 * The folder port on the local disk: scanning, watching and reading a folder, and its private area.
 *
 * Each name is checked again before it becomes a path, and no folder on the way to a file may be a
 * symbolic link, so nothing outside of the root is ever opened.
 */

import { checkName } from "../../protocol/path.ts";
import type { OwnFolder } from "../command/world.ts";
import type { FileState, FolderScan, OpenFile } from "../store/folder.ts";
import { Folders } from "../store/folders.ts";
import { FileError, reasonOf } from "./disk_failure.ts";
import { findExisting } from "./existing_files.ts";
import { fileCalls } from "./file_calls.ts";
import { kindOf, lookAt, openBelow, openRegular, readStart } from "./file_state.ts";
import { walkFolder } from "./folder_walk.ts";
import { watchFolder } from "./folder_watch.ts";
import { place } from "./place.ts";
import { MadeFolder } from "./made_folder.ts";
import { PrivateFolder } from "./private_folder.ts";

/** How a folder is opened. */
export interface OpenFolderOptions {
  /** Makes the folder, and those above it, when it is missing. */
  readonly create?: boolean;
}

/**
 * Opens the folder at `path` and locks it against other processes.
 *
 * @throws {Error} `Cannot use PATH: reason` or `Cannot write into PATH: reason`.
 */
export async function openFolder(
  path: string,
  { create = false }: OpenFolderOptions = {},
): Promise<OwnFolder> {
  const made = new MadeFolder(path);
  const root = await findRoot(path, create);
  return new DiskFolder(root, { area: PrivateFolder.open(root), made });
}

/**
 * The folder's path without symbolic links, which is how the watcher names it too.
 *
 * @param create Makes the folder, and those above it, when it is missing.
 * @throws {Error} `Cannot use PATH: reason`.
 */
export async function findRoot(path: string, create: boolean): Promise<string> {
  try {
    const root = await realPath(path, create);
    const info = await Deno.lstat(root);
    if (info.isDirectory) return root;
    throw new Error(`it is ${kindOf(info)}, not a folder`);
  } catch (error) {
    throw new Error(`Cannot use ${path}: ${reasonOf(error)}`);
  }
}

async function realPath(path: string, create: boolean): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!create || !(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(path, { recursive: true });
    return await Deno.realPath(path);
  }
}

class DiskFolder implements OwnFolder {
  readonly root: string;
  readonly #private: PrivateFolder;
  readonly #made: MadeFolder;

  constructor(root: string, { area, made }: { area: PrivateFolder; made: MadeFolder }) {
    this.root = root;
    this.#private = area;
    this.#made = made;
  }

  abandon(): void {
    this.#made.abandon();
  }

  scan(signal?: AbortSignal): Promise<FolderScan> {
    return walkFolder(this.root, signal);
  }

  watch(signal: AbortSignal): AsyncIterable<void> {
    return watchFolder(this.root, signal);
  }

  state(name: string): FileState | undefined {
    return lookAt(this.pathOf(name));
  }

  existing(names: readonly string[]): Set<string> {
    return findExisting(this.root, names);
  }

  open(name: string): OpenFile {
    return openBelow(this.root, checkName(name));
  }

  /**
   * The state proves that it is the file that was hashed, wherever a symbolic link on the way would lead.
   * It is looked at before, so that only a regular file is opened, and after, so that what was read is
   * what was hashed.
   */
  readWhole(name: string, state: FileState, into: Uint8Array): boolean {
    const path = this.pathOf(name);
    return into.length === state.size &&
      lookAt(path)?.stamp === state.stamp &&
      readStart(path, into) &&
      lookAt(path)?.stamp === state.stamp;
  }

  async copy(from: string, to: string, { replace }: { readonly replace: boolean }): Promise<void> {
    const temporary = this.temporaryPath();
    try {
      await this.#copyTo(temporary, from);
      const failure = place(
        { temporary, path: this.pathOf(to), replace },
        new Folders(this.root, fileCalls),
      );
      if (failure !== undefined) throw new Error(failure.error);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw new Error(`Cannot copy ${from} to ${to}: ${reasonOf(error)}`);
    }
  }

  async #copyTo(temporary: string, name: string): Promise<void> {
    const file = this.open(name);
    try {
      const { stamp } = file.state();
      await Deno.copyFile(this.pathOf(name), temporary);
      if (this.state(name)?.stamp !== stamp) throw new FileError("ECHANGED");
    } finally {
      file.close();
    }
  }

  pathOf(name: string): string {
    return `${this.root}/${checkName(name)}`;
  }

  partPath(key: string): string {
    return this.#private.partPath(key);
  }

  partKeys(): string[] {
    return this.#private.partKeys();
  }

  async makePart(key: string, size: number): Promise<void> {
    const path = this.partPath(key);
    try {
      const found = await lstatOrNothing(path);
      if (found !== undefined && !found.isFile) throw new Error(`it is ${kindOf(found)}`);
      if (found?.size === size) return;
      using file = await Deno.open(path, { write: true, create: true });
      await file.truncate(size);
    } catch (error) {
      throw new Error(`Cannot make ${path}: ${reasonOf(error)}`);
    }
  }

  openPart(key: string): OpenFile {
    const path = this.partPath(key);
    return openRegular(path, path);
  }

  async removePart(key: string): Promise<void> {
    const path = this.partPath(key);
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw new Error(`Cannot remove ${path}: ${reasonOf(error)}`);
    }
  }

  temporaryPath(): string {
    return this.#private.temporaryPath();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#made[Symbol.dispose]();
    this.#private[Symbol.dispose]();
    return Promise.resolve();
  }
}

async function lstatOrNothing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
