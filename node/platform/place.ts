/**
 * Gives a finished file its name: makes the folders on the way, then links or renames.
 *
 * Names come from strangers. `protocol/path.ts` has made sure that a name has no `..`; what is left is
 * that a folder on the way could be a symbolic link out of the shared folder, so each one is looked at
 * before anything is put into it.
 */

import type { DiskFailure } from "../store/disk.ts";
import { errorNameOf, failureOf, FileError } from "./disk_failure.ts";

/** How a file takes its name. */
export interface Placement {
  /** The finished file. */
  readonly temporary: string;
  /** The name that it gets. */
  readonly path: string;
  /** Whether a file that is there already is replaced. */
  readonly replace: boolean;
}

/** Errors of file systems that have no hard links, such as exFAT. */
const WITHOUT_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/**
 * The folders below `root` as one batch of files sees them. What is known is forgotten with the batch,
 * because somebody may remove or replace folders at any time.
 */
export class Folders {
  readonly #known = new Set<string>();

  /** @param root The shared folder, which exists. The path to it may lead over symbolic links. */
  constructor(readonly root: string) {
    this.#known.add(root);
  }

  /**
   * Makes the folders that lead to `path`, which starts with the root and a slash.
   *
   * @throws {Error} from the file call that failed, or where a part of the path is no folder.
   */
  makeFor(path: string): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (this.#known.has(folder)) return;
    if (!folder.startsWith(`${this.root}/`) || folder.endsWith("/..")) {
      throw new Error(`it lies outside of ${this.root}`);
    }
    this.makeFor(folder);
    makeFolder(folder);
    this.#known.add(folder);
  }
}

/** Makes one folder, unless it is there already and really one. */
function makeFolder(path: string): void {
  try {
    if (Deno.lstatSync(path).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    try {
      return Deno.mkdirSync(path);
    } catch (error) {
      // Another worker may have made it in between; whatever it is now, it is looked at once more.
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      if (Deno.lstatSync(path).isDirectory) return;
    }
  }
  throw new FileError("ENOTDIR");
}

/** Makes the folders on the way and gives the file its name. On failure the temporary file stays. */
export function place(placement: Placement, folders: Folders): DiskFailure | undefined {
  const { temporary, path, replace } = placement;
  try {
    folders.makeFor(path);
    if (replace) Deno.renameSync(temporary, path);
    else renameWithoutReplacing(temporary, path);
    return undefined;
  } catch (error) {
    return failureOf(`write ${path}`, error);
  }
}

/** A rename always replaces, a link never does, and costs no more together with the removal. */
function renameWithoutReplacing(temporary: string, path: string): void {
  try {
    Deno.linkSync(temporary, path);
  } catch (error) {
    if (!WITHOUT_LINKS.includes(errorNameOf(error))) throw error;
    return renameIfMissing(temporary, path);
  }
  Deno.removeSync(temporary);
}

/** The next best thing where there are no links; a file that appears in between is replaced. */
function renameIfMissing(temporary: string, path: string): void {
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return Deno.renameSync(temporary, path);
  }
  throw new FileError("EEXIST");
}
