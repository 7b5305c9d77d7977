/**
 * The queue of files between the walks of all clients and the workers that hash them. It is bounded: a walk
 * waits while it is full. Those that wait get on in the order in which they came, each with one file, so a
 * client with a huge tree does not keep the others out.
 */

/** What stands in the queue. */
export interface QueuedFile {
  /** Length of the file in bytes. */
  readonly size: number;
}

/** Files that a worker takes at once at most. */
const RUN_FILES_MAX = 64;
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
    const run = this.#files.splice(0, runLength(this.#files));
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

/** How many of these files from the first on make a run; there must be one at least. */
export function runLength(files: readonly QueuedFile[], first = 0): number {
  const end = Math.min(files.length, first + RUN_FILES_MAX);
  let size = files[first]!.size;
  let at = first + 1;
  while (at < end && (size += files[at]!.size) <= RUN_SIZE_MAX) at++;
  return at - first;
}
