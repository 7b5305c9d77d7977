/**
 * The folder port of sync over a simulated disk, as one process sees it.
 *
 * It makes changes with the same steps as the real one (node/folder/change_steps.ts), with pauses between them
 * in which the process may end and others may change the folder. Hints come late, or not at all.
 */

import { nameProblem, PRIVATE_FOLDER } from "../../protocol/path.ts";
import type { OpenFile, SkippedFile } from "../../node/store/folder.ts";
import { Folders } from "../../node/store/folders.ts";
import { Spelling } from "../../node/store/spelling.ts";
import { Aside } from "../../node/folder/aside.ts";
import { ChangeSteps } from "../../node/folder/change_steps.ts";
import type {
  Change,
  ChangeOutcome,
  FolderLook,
  FoundEntry,
  Hint,
  LiveFolder,
} from "../../node/folder/live_folder.ts";
import { stateOf } from "./memory_files.ts";
import type { Inode, MemoryFiles } from "./memory_files.ts";

const OWNER_MAY_EXECUTE = 0o100;

export interface MemoryFolderOptions {
  /** Waits as long as the disk takes; never resolves once the process has ended. There is no waiting without. */
  readonly pause?: () => Promise<void>;
  /** Whether there is a pause at this point in the middle of a change or a look; never without. */
  readonly isSlow?: () => boolean;
  /** What becomes of a hint: the path that is hinted at, or undefined for none. As it is, without. */
  readonly distort?: (path: string) => string | undefined;
}

export class MemoryFolder implements LiveFolder {
  readonly root: string;
  readonly #files: MemoryFiles;
  readonly #options: Required<MemoryFolderOptions>;
  readonly #lock: Inode;
  readonly #spelling: Spelling;
  #temporaryCount = 0;
  #stopListening = () => {};

  /** Opens the folder at the local path `root`, as a process does when it starts: puts right what a crash left. */
  constructor(files: MemoryFiles, root: string, options: MemoryFolderOptions = {}) {
    this.#files = files;
    this.root = root;
    this.#options = {
      pause: () => Promise.resolve(),
      isSlow: () => false,
      distort: (path) => path,
      ...options,
    };
    files.write(this.#lockPath, new Uint8Array(0));
    this.#lock = files.nodeAt(this.#lockPath)!;
    files.remove(this.#parts);
    files.makeFolder(this.#parts);
    this.#spelling = new Spelling(root, files.calls);
    for (const _ of new Aside(new Folders(root, files.calls), files.calls).putAllBack());
  }

  isIntact(): boolean {
    return this.#files.nodeAt(this.#lockPath) === this.#lock;
  }

  async look(path: string, signal?: AbortSignal): Promise<FolderLook> {
    const { pause, isSlow } = this.#options;
    await pause();
    const found = { entries: [], skipped: [] };
    if (path !== "" && this.twinOf(path) !== undefined) return found;
    for (const _ of this.#walk(path, found)) {
      signal?.throwIfAborted();
      if (isSlow()) await pause();
    }
    return found;
  }

  readonly isWatchPaused = false;

  /** Yields what was distorted into hints, after a pause. Events of the private area give none. */
  async *watch(signal: AbortSignal): AsyncGenerator<Hint> {
    let paths = new Set<string>();
    let wake = () => {};
    const below = `${this.root}/`;
    this.#stopListening = this.#files.onChange((local) => {
      if (!local.startsWith(below)) return;
      const path = local.slice(below.length);
      const hint = nameProblem(path) === undefined ? this.#options.distort(path) : undefined;
      if (hint !== undefined) paths.add(hint);
      wake();
    });
    const stop = () => wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        if (paths.size === 0) await new Promise<void>((resolve) => wake = resolve);
        if (signal.aborted) return;
        await this.#options.pause();
        if (paths.size > 0 && !signal.aborted) {
          const hint = [...paths];
          paths = new Set();
          yield hint;
        }
      }
    } finally {
      this.close();
      signal.removeEventListener("abort", stop);
    }
  }

  open(path: string): OpenFile {
    const node = this.#files.nodeAt(this.pathOf(path));
    if (node?.kind !== "file") throw new Error(`Cannot open ${path}: there is no such file`);
    return openNode(node, { name: path, pause: this.#options.pause });
  }

  twinOf(path: string): string | undefined {
    return this.#spelling.twinOf(path);
  }

  pathOf(path: string): string {
    return `${this.root}/${path}`;
  }

  async change(changes: readonly Change[]): Promise<ChangeOutcome[]> {
    const { pause, isSlow } = this.#options;
    await pause();
    const steps = new ChangeSteps(this.root, this.#files.calls);
    const outcomes: ChangeOutcome[] = [];
    for (const change of changes) {
      if (!this.isIntact()) {
        outcomes.push({ error: `Cannot change ${this.root}: it was replaced`, code: "missing" });
        continue;
      }
      if (isSlow()) await pause();
      const making = steps.make(change);
      let step = making.next();
      while (!step.done) {
        if (isSlow()) await pause();
        step = making.next();
      }
      outcomes.push(step.value);
    }
    await pause();
    return outcomes;
  }

  /** A local path in the private area for a temporary file, never used before. */
  temporaryPath(): string {
    return `${this.#parts}/${this.#temporaryCount++}.whole`;
  }

  /** Stops listening to the disk, as the end of the process does. */
  close(): void {
    this.#stopListening();
  }

  get #lockPath(): string {
    return `${this.root}/${PRIVATE_FOLDER}/lock`;
  }

  get #parts(): string {
    return `${this.root}/${PRIVATE_FOLDER}/parts`;
  }

  *#walk(
    path: string,
    found: { readonly entries: FoundEntry[]; readonly skipped: SkippedFile[] },
  ): Generator<void> {
    const local = path === "" ? this.root : this.pathOf(path);
    const info = this.#files.calls.look(local);
    if (path === "" && info?.kind !== "folder") throw new Error(`Cannot read ${this.root}: gone`);
    if (info === undefined || path === PRIVATE_FOLDER) return;
    const problem = path === "" ? undefined : nameProblem(path);
    if (problem !== undefined || info.kind === "other") {
      const target = this.#files.calls.readLink(local);
      const skipped = { name: path, reason: problem ?? "it is a symbolic link" };
      found.skipped.push(target === undefined ? skipped : { ...skipped, target });
      return;
    }
    const { kind, size, seenStamp, mode } = info;
    if (kind === "file") {
      const executable = (mode & OWNER_MAY_EXECUTE) !== 0;
      found.entries.push({ path, kind, size, stamp: seenStamp, executable });
      return yield;
    }
    if (path !== "") found.entries.push({ path, kind, size: 0, stamp: "", executable: false });
    yield;
    for (const name of this.#files.calls.list(local)) {
      yield* this.#walk(path === "" ? name : `${path}/${name}`, found);
    }
  }
}

/** Opens a file for reading. */
export function openNode(
  node: Inode,
  { name, pause }: { readonly name: string; readonly pause: () => Promise<void> },
): OpenFile {
  return {
    state: () => stateOf(node),
    read: async (into, offset) => {
      await pause();
      if (offset + into.length > node.bytes.length) throw new Error(`Cannot read ${name}: it ends`);
      into.set(node.bytes.subarray(offset, offset + into.length));
    },
    close: () => {},
  };
}
