/**
 * The queue of files between the walks of all clients and the workers that hash them. It is bounded: a walk
 * waits while it is full. Those that wait get on in the order in which they came, each with one file, so a
 * client with a huge tree does not keep the others out.
 */

import { TREE_ENTRY_COUNT_MAX } from "../../../protocol/tree_messages.ts";

/** What stands in the queue. */
export interface QueuedFile {
  /** Length of the file in bytes. */
  readonly size: number;
}

/** Files that a worker takes at once at most: as many as a page lists. */
const RUN_FILES_MAX = TREE_ENTRY_COUNT_MAX;
/** Bytes in the files that a worker takes at once, if they are several. */
const RUN_SIZE_MAX = 8 * 1024 * 1024;

interface Waiter<F> {
  readonly file: F;
  readonly entered: () => void;
}

export class FileQueue<F extends QueuedFile> {
  readonly #lengthMax: number;
  #files: F[] = [];
  readonly #entering: Waiter<F>[] = [];
  readonly #takers: (() => void)[] = [];
  #isClosed = false;

  /** @param lengthMax How many files may stand in it. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Puts a file at the end. Where the queue is full it answers a promise that is resolved when the file is in. */
  put(file: F): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#files.length < this.#lengthMax) {
      this.#files.push(file);
      this.#takers.shift()?.();
      return undefined;
    }
    return new Promise((entered) => this.#entering.push({ file, entered }));
  }

  /** Takes some files from the front, as soon as there are any. Resolves to none when the queue is closed. */
  async take(): Promise<readonly F[]> {
    while (this.#files.length === 0) {
      if (this.#isClosed) return [];
      await new Promise<void>((resolve) => this.#takers.push(resolve));
    }
    const run = takeRun(this.#files);
    while (this.#entering.length > 0 && this.#files.length < this.#lengthMax) {
      const { file, entered } = this.#entering.shift()!;
      this.#files.push(file);
      entered();
    }
    if (this.#files.length > 0) this.#takers.shift()?.();
    return run;
  }

  /** Forgets what is in it and lets all who wait go on. */
  close(): void {
    this.#isClosed = true;
    this.#files = [];
    for (const { entered } of this.#entering.splice(0)) entered();
    for (const wake of this.#takers.splice(0)) wake();
  }
}

/** Puts the files of all batches into runs. */
export async function* inRuns<F extends QueuedFile>(
  batches: AsyncIterable<readonly F[]>,
): AsyncGenerator<readonly F[], void> {
  const files: F[] = [];
  for await (const batch of batches) {
    files.push(...batch);
    while (files.length >= RUN_FILES_MAX) yield takeRun(files);
  }
  while (files.length > 0) yield takeRun(files);
}

/** Takes as many of the first files as make a run; there must be one at least. */
function takeRun<F extends QueuedFile>(files: F[]): F[] {
  const end = Math.min(files.length, RUN_FILES_MAX);
  let size = files[0]!.size;
  let count = 1;
  while (count < end && (size += files[count]!.size) <= RUN_SIZE_MAX) count++;
  return files.splice(0, count);
}
