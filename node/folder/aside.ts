/**
 * Where a file is while it is replaced, moved or removed: aside, in the private area, where nobody edits it.
 *
 * There it is looked at, and goes back if it is not what was expected, so an edit at the last moment is
 * not lost. What a crash leaves here gets its name back at the next start:
 *
 *     .p2pnode/aside/old_PATH     was to be replaced or removed; whoever wanted that knows the content
 *     .p2pnode/aside/moved_PATH   was to get another name; nobody else may know the content
 *
 * In PATH, "/" is written as "%2F", and a long one is cut into folders. Where something else has the name by
 * then, an old file goes, and a moved one becomes NAME.rescued-1 at the top of the folder.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { errorNameOf, moveToFree } from "../store/file_calls.ts";
import type { FileCalls, FileInfo } from "../store/file_calls.ts";
import type { Folders } from "../store/folders.ts";

/** What is done one file call at a time, so that tests can do something in between. */
export type Steps<Result> = Generator<void, Result, void>;

/** Why a file is aside. */
export type AsideKind = "old" | "moved";

/** A file that is wanted aside. */
export interface Taking {
  /** A safe name. */
  readonly path: string;
  /** The stamp that the file must have. */
  readonly expect: string;
  readonly kind: AsideKind;
}

/** A file that is aside, and what it was when it came. */
export interface FileAside {
  /** Its local path. */
  readonly local: string;
  readonly info: FileInfo;
}

/** Code points in one part of a name: in UTF-8 four times as many bytes, less than the 255 that are allowed. */
const PART_LENGTH = 60;

/** The files of a folder that are aside. */
export class Aside {
  readonly #root: string;
  readonly #calls: FileCalls;
  readonly #folders: Folders;
  #isMade = false;

  /** @param folders The folders of the same root, as the batch knows them. */
  constructor(folders: Folders, calls: FileCalls) {
    this.#root = folders.root;
    this.#calls = calls;
    this.#folders = folders;
  }

  /** Takes a file aside. Undefined where there is another one than was expected, which then stays. */
  *take({ path, expect, kind }: Taking): Steps<FileAside | undefined> {
    const calls = this.#calls;
    const target = `${this.#root}/${path}`;
    const before = calls.look(target);
    if (before?.kind !== "file" || before.stamp !== expect) return undefined;
    const local = this.#localPath(path, kind);
    if (calls.look(local) !== undefined) {
      // It could not be put back before. Whoever wanted the change looks again when it is.
      yield* this.putBack(path, kind);
      return undefined;
    }
    yield;
    try {
      calls.rename(target, local);
    } catch (error) {
      if (errorNameOf(error) === "ENOENT") return undefined;
      throw error;
    }
    yield;
    const info = calls.look(local);
    if (info !== undefined && isSameFile(before, info)) return { local, info };
    // Somebody edited it at the last moment, and nobody else knows that content.
    yield* this.#putBack(local, path, "moved");
    return undefined;
  }

  /** Gives a file that is aside its name back. */
  *putBack(path: string, kind: AsideKind): Steps<void> {
    yield* this.#putBack(this.#localPath(path, kind), path, kind);
  }

  /** Gives everything that is aside its name back, as after a crash. */
  *putAllBack(): Steps<void> {
    const top = this.#folder;
    for (const name of this.#calls.list(top)) yield* this.#putBelowBack(top, name, "");
    this.#removeFolder(top);
  }

  get #folder(): string {
    return `${this.#root}/${PRIVATE_FOLDER}/aside`;
  }

  *#putBelowBack(folder: string, name: string, before: string): Steps<void> {
    const local = `${folder}/${name}`;
    const encoded = before + name.slice(before === "" ? 0 : 1);
    const [, kind, path] = /^(old|moved)_(.*)$/s.exec(encoded) ?? [];
    // Whatever else is here has come from somebody else.
    if (kind === undefined || path === undefined) return;
    const parts = this.#calls.look(local)?.kind === "folder" ? this.#calls.list(local) : [];
    const isCut = parts.length > 0 && parts.every((part) => part.startsWith("_"));
    if (!isCut) return yield* this.#putBack(local, decode(path), kind as AsideKind);
    for (const part of parts) yield* this.#putBelowBack(local, part, encoded);
    this.#removeFolder(local);
  }

  *#putBack(local: string, path: string, kind: AsideKind): Steps<void> {
    const target = `${this.#root}/${path}`;
    yield;
    try {
      this.#folders.makeFor(target);
      yield* moveToFree(this.#calls, local, target);
    } catch (error) {
      const name = errorNameOf(error);
      if (name !== "EEXIST" && name !== "ENOTDIR") throw error;
      if (kind === "old") this.#calls.remove(local);
      else yield* this.#rescue(local, path);
    }
  }

  *#rescue(local: string, path: string): Steps<void> {
    const last = Array.from(path.slice(path.lastIndexOf("/") + 1)).slice(-PART_LENGTH).join("");
    for (let number = 1;; number++) {
      try {
        return yield* moveToFree(this.#calls, local, `${this.#root}/${last}.rescued-${number}`);
      } catch (error) {
        if (errorNameOf(error) !== "EEXIST") throw error;
      }
    }
  }

  /** Where a file is aside; makes the folders for it. */
  #localPath(path: string, kind: AsideKind): string {
    if (!this.#isMade) this.#makeFolder(this.#folder);
    this.#isMade = true;
    const encoded = `${kind}_${encode(path)}`;
    if (encoded.length <= PART_LENGTH) return `${this.#folder}/${encoded}`;
    const points = Array.from(encoded);
    let local = `${this.#folder}/${points.slice(0, PART_LENGTH).join("")}`;
    for (let start = PART_LENGTH; start < points.length; start += PART_LENGTH) {
      this.#makeFolder(local);
      local += `/_${points.slice(start, start + PART_LENGTH).join("")}`;
    }
    return local;
  }

  #makeFolder(path: string): void {
    if (this.#calls.look(path) === undefined) this.#calls.makeFolder(path);
  }

  /** Removes a folder if it is empty. */
  #removeFolder(path: string): void {
    try {
      this.#calls.removeFolder(path);
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorNameOf(error))) throw error;
    }
  }
}

/** Whether a file is still the one it was, with the same bytes. A new name changes nothing of this. */
export function isSameFile(before: FileInfo, after: FileInfo): boolean {
  return after.kind === "file" && after.inode === before.inode && after.size === before.size &&
    after.modifiedMs === before.modifiedMs && after.mode === before.mode;
}

function encode(path: string): string {
  return path.replaceAll("%", "%25").replaceAll("/", "%2F");
}

function decode(encoded: string): string {
  return encoded.replaceAll("%2F", "/").replaceAll("%25", "%");
}
