/**
 * The disk of a simulated machine: files and folders by local path, which outlive the processes that work
 * with them. One disk holds the folders of any number of roots, each with its private area.
 */

import type { FileState } from "../../node/store/folder.ts";
import type { FileCalls } from "../../node/sync/file_calls.ts";

export interface WriteOptions {
  readonly executable?: boolean;
}

export declare class MemoryFiles {
  constructor();
  /** The file calls of this disk. */
  readonly calls: FileCalls;
  /** The local paths of all files, sorted; of those below `folder` if it is given. */
  paths(folder?: string): string[];
  /** The bytes of the file at `path`; they are never changed in place. */
  bytesOf(path: string): Uint8Array<ArrayBuffer> | undefined;
  /** Size and stamp of the file at `path`, the stamp as a look gives it. */
  stateOf(path: string): FileState | undefined;
  /** Writes a file, new or in place; missing folders on the way are made. */
  write(path: string, bytes: Uint8Array, options?: WriteOptions): void;
  /** Makes a folder, and those above it. */
  makeFolder(path: string): void;
  /** Removes a file, or a folder with all that is in it. */
  remove(path: string): void;
  /** Moves a file or folder; a file that is there is replaced. */
  move(from: string, to: string): void;
  /** Writes the same bytes again: a new stamp. */
  touch(path: string): void;
  setExecutable(path: string, executable: boolean): void;
  /** Calls `listener` with the local path of everything that changes. Answers how to stop that. */
  onChange(listener: (path: string) => void): () => void;
}
