/**
 * Keeps the catalog true to a folder: what is in the folder is offered, what changed is hashed again,
 * what is gone is withdrawn.
 *
 * A look at the folder compares all names and states with what is known. The first look takes what the
 * store remembers and hashes the rest; further ones follow when the folder hints at a change, and from time
 * to time, because hints get lost. A changed file is hashed when it has held still for a moment, and what is
 * found counts only if the file has not changed until then; otherwise the next look sees to it.
 */

import type { Clock, Log } from "../../protocol/ports.ts";
import type { Manifest } from "../content/manifest.ts";
import { blockSizeFor, FILE_SIZE_MAX, isGeometry } from "../content/tree.ts";
import type { BlockDisk, DiskFailure, HashedFile } from "../store/disk.ts";
import type { Folder, FoundFile, SkippedFile } from "../store/folder.ts";
import type { ManifestStore } from "../store/manifest_store.ts";
import { printable } from "../text/printable.ts";
import { formatSize } from "../text/size.ts";
import type { Catalog } from "./catalog.ts";
import { KnownFiles, named } from "./known_files.ts";

/** How long to wait after a hint, which usually comes before others and before the change is complete. */
const HINT_MS = 50;
/** Hashes that a crash may cost: they are saved this often while there are more to come. */
const SAVE_EVERY_MS = 1000;
/** A look may take this share of the time; in a huge folder they are rarer. */
const LOOK_SHARE = 0.1;
/** A file that could not be read is tried again in the same state after so many regular looks. */
const RETRY_LOOKS = 10;
const TOO_LARGE = `it is larger than ${formatSize(FILE_SIZE_MAX)}`;
/** Skipped files that are named in the log one by one. */
const TOLD_COUNT_MAX = 20;

/** What a shared folder works with. */
export interface SharedFolderOptions {
  readonly folder: Folder;
  /** Hashes, and signs with the key of `publisher`. */
  readonly disk: BlockDisk;
  readonly store: ManifestStore;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  /** This node's id: the publisher of files that nobody else has published. */
  readonly publisher: Uint8Array;
  /** How long a changed file must hold still before it is hashed. */
  readonly settleMs?: number;
  /** The shortest time from one look at the folder to the next. */
  readonly gapMs?: number;
  /** The longest time from one look at the folder to the next. */
  readonly rescanMs?: number;
}

export class SharedFolder {
  readonly #options: SharedFolderOptions;
  readonly #settleMs: number;
  readonly #gapMs: number;
  readonly #rescanMs: number;
  readonly #known: KnownFiles;
  readonly #ready = Promise.withResolvers<void>();
  /** Aborted by a change in the folder. */
  #hint = new AbortController();
  /** Some file changed while it was looked at. */
  #isUnsettled = false;
  /** When the last look began, and how long walking through the folder took. */
  #lookedMs = 0;
  #walkMs = 0;
  /** Files that could not be hashed, by name. */
  readonly #failed = new Map<string, FailedFile>();
  /** What was skipped at the last look. */
  #skipped = new Set<string>();
  #isSaving = false;
  /** Why the last look failed, if it did. */
  #problem = "";

  constructor(options: SharedFolderOptions) {
    const { catalog, store, settleMs = 300, gapMs = 1000, rescanMs = 30_000 } = options;
    this.#options = options;
    this.#settleMs = settleMs;
    this.#gapMs = gapMs;
    this.#rescanMs = rescanMs;
    this.#known = new KnownFiles(catalog, store);
    // Whoever does not wait for the first look learns of its failure otherwise.
    this.#ready.promise.catch(() => {});
  }

  /**
   * Resolves when the catalog has everything that the folder had at the start. Rejects when the folder
   * cannot be read, or with the signal's reason.
   */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Follows the folder until `signal` is aborted, or ends when `ready` is rejected. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#hint.abort(), { once: true });
    try {
      await this.#look(signal, (files) => files);
    } catch (reason) {
      return this.#ready.reject(reason);
    }
    this.#ready.resolve();
    // Not before, as the watcher takes a fifth of the time in which many small files are hashed. What
    // has changed until now is found by a second look.
    const watching = this.#watch(signal);
    this.#isUnsettled = true;
    while (!signal.aborted) {
      await this.#pause(signal);
      await this.#lookAgain(signal);
    }
    await watching;
  }

  /**
   * Takes a file that was fetched, verified and put into the folder under `name`, and that the catalog has
   * as complete. It keeps its publisher and is not hashed again.
   */
  adopt(manifest: Manifest, name: string): void {
    const state = this.#options.folder.state(name);
    // If it has changed already, the next look sees to it.
    if (state === undefined || state.size !== manifest.size) return;
    this.#known.put(named(manifest, name), state.stamp);
    this.#saveSoon();
  }

  /** One transaction for all files that are adopted in the same turn. */
  #saveSoon(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    queueMicrotask(() => {
      this.#isSaving = false;
      this.#known.save();
    });
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { folder, log } = this.#options;
    try {
      for await (const _ of folder.watch(signal)) this.#hint.abort();
    } catch (error) {
      const seconds = this.#rescanMs / 1000;
      log(`${(error as Error).message} (changes are found within ${seconds} s all the same)`);
    }
  }

  /** Waits until a look is due. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const until = (ms: number) => Math.max(0, this.#lookedMs + ms - clock.now());
    const gapMs = Math.max(this.#gapMs, this.#walkMs / LOOK_SHARE);
    if (!this.#isUnsettled) await clock.sleep(until(this.#rescanMs), this.#hint.signal);
    await clock.sleep(Math.max(HINT_MS, until(gapMs)), signal);
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    let problem = "";
    try {
      await this.#look(signal, this.#settled);
    } catch (error) {
      problem = (error as Error).message;
      if (!signal.aborted && problem !== this.#problem) this.#options.log(problem);
    }
    this.#problem = problem;
  }

  /** @param choose Picks those of the changed files that are ready to be hashed. */
  async #look(signal: AbortSignal, choose: ChooseFiles): Promise<void> {
    const { clock, folder } = this.#options;
    if (!signal.aborted) this.#hint = new AbortController();
    this.#isUnsettled = false;
    this.#lookedMs = clock.now();
    this.#known.beginLook();
    const { files, skipped } = await folder.scan(signal);
    this.#walkMs = clock.now() - this.#lookedMs;
    const changed = files.filter((file) => !this.#known.see(file));
    this.#known.endLook();
    const hashable = this.#sortOut(changed, skipped);
    try {
      await this.#hash(await choose(hashable, signal), signal);
    } finally {
      this.#known.save();
    }
  }

  /** Tells what is not shared. Answers which of the changed files are to be hashed. */
  #sortOut(changed: readonly FoundFile[], skipped: readonly SkippedFile[]): FoundFile[] {
    const tooLarge = changed.filter(isTooLarge);
    for (const { name } of tooLarge) this.#known.withdraw(name);
    this.#tellSkipped([...skipped, ...tooLarge.map(({ name }) => ({ name, reason: TOO_LARGE }))]);
    this.#forgetFailures(changed);
    return changed.filter((file) => !isTooLarge(file) && this.#isWorthATry(file));
  }

  /** The files that hold still. Those that have changed are withdrawn, whether they do or not. */
  readonly #settled: ChooseFiles = async (files, signal) => {
    if (files.length === 0) return [];
    await this.#options.clock.sleep(this.#settleMs, signal);
    return files.filter((file) => {
      const now = this.#compare(file);
      if (now !== "known") this.#known.withdraw(file.name);
      return now === "still";
    });
  };

  /**
   * Looks at a file again. It is "known" if it was adopted meanwhile or only seemed to have changed; "still"
   * if it is as it was found; "changed" if not, and due for another look.
   */
  #compare({ name, size, stamp }: FoundFile): "known" | "still" | "changed" {
    const state = this.#options.folder.state(name);
    if (state !== undefined && this.#known.see({ name, ...state })) return "known";
    if (state?.size === size && state.stamp === stamp) return "still";
    this.#isUnsettled = true;
    return "changed";
  }

  async #hash(files: readonly FoundFile[], signal: AbortSignal): Promise<void> {
    const { clock, disk, folder } = this.#options;
    if (files.length === 0) return;
    const toHash = files.map(({ name, size }) => (
      { path: folder.pathOf(name), size, blockSize: blockSizeFor(size) }
    ));
    let position = 0;
    let savedMs = clock.now();
    for await (const result of disk.hashFiles(toHash, { sign: true, signal })) {
      const file = files[position++]!;
      if ("error" in result) this.#couldNotHash(file, result);
      else this.#hashed(file, result);
      if (clock.now() - savedMs < SAVE_EVERY_MS) continue;
      this.#known.save();
      savedMs = clock.now();
    }
  }

  #hashed(file: FoundFile, { id, hashes, signatures }: HashedFile): void {
    const { name, size, stamp } = file;
    this.#failed.delete(name);
    if (this.#compare(file) !== "still") return;
    const { publisher } = this.#options;
    const blockSize = blockSizeFor(size);
    const manifest = this.#known.manifestOf({ id, size }, name) ??
      { id, name, size, blockSize, publisher, hashes, signatures };
    this.#known.put(manifest, stamp);
  }

  #couldNotHash({ name, stamp }: FoundFile, { error, code }: DiskFailure): void {
    if (code === "changed" || code === "missing") {
      this.#isUnsettled = true;
      return;
    }
    const { clock, log } = this.#options;
    if (this.#failed.get(name)?.stamp !== stamp) log(`${printable(error)} (it is not shared)`);
    this.#failed.set(name, { stamp, retryMs: clock.now() + RETRY_LOOKS * this.#rescanMs });
  }

  /** A file that could not be read is left alone for a while, unless it changes. */
  #isWorthATry({ name, stamp }: FoundFile): boolean {
    const failed = this.#failed.get(name);
    if (failed === undefined) return true;
    return failed.stamp !== stamp || failed.retryMs <= this.#options.clock.now();
  }

  #forgetFailures(changed: readonly FoundFile[]): void {
    if (this.#failed.size === 0) return;
    const names = new Set(changed.map(({ name }) => name));
    for (const name of this.#failed.keys()) if (!names.has(name)) this.#failed.delete(name);
  }

  /** Names what is skipped and was not at the last look. */
  #tellSkipped(skipped: readonly SkippedFile[]): void {
    const { log } = this.#options;
    const lines = skipped.map(({ name, reason }) => printable(`Cannot share ${name}: ${reason}`));
    const fresh = lines.filter((line) => !this.#skipped.has(line));
    this.#skipped = new Set(lines);
    for (const line of fresh.slice(0, TOLD_COUNT_MAX)) log(line);
    const more = fresh.length - TOLD_COUNT_MAX;
    if (more > 0) log(`Cannot share ${more} more files`);
  }
}

type ChooseFiles = (
  files: FoundFile[],
  signal: AbortSignal,
) => FoundFile[] | Promise<FoundFile[]>;

interface FailedFile {
  readonly stamp: string;
  /** When to try again although nothing has changed. */
  readonly retryMs: number;
}

function isTooLarge({ size }: FoundFile): boolean {
  return !isGeometry({ size, blockSize: blockSizeFor(size) });
}
