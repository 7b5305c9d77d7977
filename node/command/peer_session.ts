/** What a running peer was told to fetch, and how far it has come. */

import { blockSizeFor } from "../content/tree.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import type { ManifestStore } from "../store/manifest_store.ts";
import { fileKey } from "../swarm/catalog.ts";
import type { FileKey } from "../swarm/catalog.ts";
import { fetchAll } from "../swarm/fetch_all.ts";
import type { Failed, Fetched, ListedFile } from "../swarm/fetch_all.ts";
import { AmbiguousName, findWanted, ImpossibleName } from "../swarm/listing.ts";
import type { SharedFolder } from "../swarm/shared_folder.ts";
import type { SwarmNode } from "../swarm/swarm_node.ts";
import type { TrackedFile } from "../swarm/tracker_session.ts";
import { printable } from "../text/printable.ts";
import { doneEvent, doneLine } from "./done.ts";
import type { Tell } from "./tell.ts";
import type { Clock } from "../../protocol/ports.ts";
import { untilAborted } from "../../protocol/until_aborted.ts";

/** How often a name is looked for that nobody has yet. */
const LOOK_AGAIN_MS = 1_000;
/** How many listed names are remembered. */
const NAMES_MAX = 10_000;

export interface PeerSessionOptions {
  readonly node: SwarmNode;
  readonly folder: Folder;
  readonly disk: BlockDisk;
  readonly store: ManifestStore;
  readonly shared: SharedFolder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

export class PeerSession {
  readonly node: SwarmNode;
  readonly tell: Tell;
  readonly #options: PeerSessionOptions;
  /** What is being fetched, by content. */
  readonly #running = new Map<FileKey, Promise<unknown>>();
  /** Resolves when nothing is left of earlier starts but what is still wanted. */
  readonly #tidied = Promise.withResolvers<void>();
  #failedCount = 0;
  #isRefreshing = false;
  /** Names of files that were listed last, for completion. */
  names: readonly string[] = [];

  constructor(options: PeerSessionOptions) {
    this.#options = options;
    this.node = options.node;
    this.tell = options.tell;
  }

  /** Resolves when nothing is being fetched any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /**
   * Goes on with what was wanted at an earlier start, fetches `names`, and tells the tracker when all is
   * here. Answers how many files could not be had.
   */
  async begin(names: readonly string[]): Promise<number> {
    const { node, store, signal } = this.#options;
    const remembered = store.wanted().map((file) => ({
      ...file,
      blockSize: blockSizeFor(file.size),
    }));
    await this.#removePartsBut(new Set(remembered.map(fileKey)));
    this.#tidied.resolve();
    await Promise.race([node.session.assembled, untilAborted(signal)]);
    // Some of it may have been asked for again meanwhile.
    const isRunning = (file: ListedFile) => this.#running.has(fileKey(file));
    await Promise.all([
      this.#fetch(remembered.filter((file) => !isRunning(file))),
      ...remembered.filter(isRunning).map((file) => this.#fetchInTurn(file)),
      ...names.map((name) => this.#fetchWhenThere(name)),
    ]);
    if (!signal.aborted) {
      await Promise.race([node.session.terminated(), untilAborted(signal)]);
    }
    return this.#failedCount;
  }

  /** Partial files that nobody wants any more are what a crash or a change of mind has left. */
  async #removePartsBut(wanted: ReadonlySet<FileKey>): Promise<void> {
    const { folder } = this.#options;
    for (const key of folder.partKeys()) if (!wanted.has(key)) await folder.removePart(key);
  }

  /** The files of the swarm. */
  async list(): Promise<TrackedFile[]> {
    const files = await this.node.session.listFiles();
    this.#rememberNames(files);
    return files;
  }

  /** Asks for `names` in the background, for whoever completes a word next. */
  refreshNames(): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    this.node.session.listFiles("", NAMES_MAX)
      .then((files) => this.#rememberNames(files), () => {})
      .finally(() => this.#isRefreshing = false);
  }

  #rememberNames(files: readonly TrackedFile[]): void {
    this.names = files.slice(0, NAMES_MAX).map(({ name }) => name).sort();
  }

  /** Starts to fetch a file that somebody has; resolves when it is found. */
  async get(nameOrId: string): Promise<void> {
    const wanted = await findWanted(this.node.session, nameOrId, { replace: false });
    await this.#tidied.promise;
    void this.#fetchInTurn(wanted);
  }

  async #fetchWhenThere(nameOrId: string): Promise<void> {
    const { clock, signal } = this.#options;
    let told = false;
    while (!signal.aborted) {
      try {
        const wanted = await findWanted(this.node.session, nameOrId, { replace: false });
        return await this.#fetchInTurn(wanted);
      } catch (error) {
        const { message } = error as Error;
        if (error instanceof AmbiguousName || error instanceof ImpossibleName) {
          this.#failedCount++;
          return this.tell("error", { name: nameOrId, error: message }, message);
        }
        if (!told) {
          this.tell(
            "waiting",
            { name: nameOrId, reason: message },
            `${printable(message)} (waiting)`,
          );
        }
        told = true;
        await clock.sleep(LOOK_AGAIN_MS, signal);
      }
    }
  }

  /** Fetches a file that may be wanted already, under this name or another one. Never rejects. */
  async #fetchInTurn(wanted: ListedFile): Promise<void> {
    const key = fileKey(wanted);
    while (this.#running.has(key)) await this.#running.get(key);
    if (!this.#options.signal.aborted) await this.#fetch([wanted]);
  }

  /** Fetches and remembers what is wanted until it is here. Never rejects. */
  async #fetch(wanted: readonly ListedFile[]): Promise<void> {
    const { store } = this.#options;
    store.want(wanted);
    const fetching = fetchAll(wanted, {
      ...this.#options,
      settled: (outcome) => this.#settle(outcome),
    }).catch(() => {});
    const keys = wanted.map(fileKey);
    for (const key of keys) this.#running.set(key, fetching);
    await fetching;
    for (const key of keys) this.#running.delete(key);
  }

  #settle(outcome: Fetched | Failed): void {
    const { store, shared, signal } = this.#options;
    const { name } = outcome.wanted;
    if ("error" in outcome) {
      // What the end of the peer cut off is still wanted at the next start.
      if (signal.aborted) return;
      this.#failedCount++;
      store.unwant([name]);
      const { message } = outcome.error;
      return this.tell("error", { name, error: message }, printable(message));
    }
    store.unwant([name]);
    if (outcome.file !== undefined) shared.adopt(outcome.file.manifest, name);
    this.tell("done", doneEvent(outcome), doneLine(outcome));
  }
}
