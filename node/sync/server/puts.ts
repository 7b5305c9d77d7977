/**
 * Takes what devices put: fetches the contents that the space lacks, then carries out each batch.
 *
 * Batches are fetched side by side and carried out one at a time. A batch waits for an earlier one of the
 * same device where their paths have to do with each other, and for nothing else, so that a small change
 * overtakes a large content. No content is fetched twice at a time: who wants one that is on its way waits
 * until it has its place, and finds it there.
 */

import { SMALL_SIZE_MAX } from "../../../protocol/content_messages.ts";
import { foldersAbove } from "../../../protocol/path.ts";
import { contentKey } from "../../transfer/contents.ts";
import type {
  ContentFetcher,
  ContentId,
  FetchOptions,
  FetchResult,
  WantedContent,
} from "../../transfer/contents.ts";
import type { Connection } from "../../../protocol/connection.ts";
import type { Entry } from "../entry.ts";
import { Application } from "./application.ts";
import type { ContentPlaces } from "./content_places.ts";
import { compareAndSet, needsContent } from "./decision.ts";
import { inspect } from "./inspection.ts";
import type { UserPieces } from "./ports.ts";
import { ABSENT, refused } from "./put_item.ts";
import type { PutItem, PutOutcome } from "./put_item.ts";
import { Serial } from "./serial.ts";
import type { SpaceOptions } from "./space_options.ts";
import type { PendingContent } from "./user_index.ts";

/** A batch that others overtake all the time is given up after so many attempts. */
const ATTEMPTS_MAX = 8;
/** Small contents are handed to the index when they are so large together. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** How many old versions of a file are looked through for the blocks of a new one. */
const OLD_BASES_MAX = 2;

/** Who puts entries. */
export interface Putter {
  /** What it calls itself. */
  readonly name: string;
  readonly connection: Connection;
  /** Fetches from it; the server itself has none. */
  readonly fetcher: ContentFetcher | undefined;
  /** Aborted when it is gone. */
  readonly signal: AbortSignal;
}

/** The device does not answer (any more): that is its end, not the space's. */
export class PutterGone extends Error {}

export interface PutsOptions extends SpaceOptions {
  readonly pieces: UserPieces;
  readonly places: ContentPlaces;
  /** Runs what changes the space. */
  readonly turns: Serial;
  /** Called when more of a large content has come that is like none that is here. */
  readonly onGrown: (content: ContentId, from: Connection) => void;
  /** Called when the index may have changed, with the paths that have one more old version. */
  readonly onApplied: (replaced: readonly string[]) => void;
  /** The index keeps these small contents, and those that are needed have their places. */
  readonly onKept: (contents: readonly ContentId[]) => void;
}

/** A batch on its way. */
interface Job {
  readonly putter: Putter;
  readonly items: readonly PutItem[];
  readonly paths: ReadonlySet<string>;
  readonly above: ReadonlySet<string>;
  /** Local paths of what was fetched, by key. */
  readonly staged: Map<string, string>;
  /** The small contents that the index keeps for it. */
  readonly kept: ContentId[];
  readonly ended: Promise<void>;
}

export class Puts {
  readonly #options: PutsOptions;
  readonly #jobs = new Set<Job>();
  /** By key, the contents on their way: resolved when they have their places, or never will. */
  readonly #claims = new Map<string, Promise<void>>();

  constructor(options: PutsOptions) {
    this.#options = options;
  }

  /** Rejects with `PutterGone`, or with what the index or the disk failed with. */
  async put(putter: Putter, entries: readonly Entry[]): Promise<PutOutcome[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const paths = new Set(entries.map(({ path }) => path));
    const above = new Set([...paths].flatMap(foldersAbove));
    const items = entries.map((entry): PutItem => ({ entry, outcome: undefined }));
    const job: Job = { putter, items, paths, above, staged: new Map(), kept: [], ended: promise };
    const before = [...this.#jobs].filter((other) => mustPrecede(other, job));
    this.#jobs.add(job);
    try {
      await Promise.all(before.map(({ ended }) => ended));
      for (let attempt = 0; attempt < ATTEMPTS_MAX && isOpen(job); attempt++) {
        await this.#attempt(job);
      }
      return items.map(({ outcome }) => outcome ?? refused("it keeps changing here (try again)"));
    } finally {
      this.#jobs.delete(job);
      this.#options.onKept(job.kept);
      if (job.staged.size > 0) await this.#options.pieces.stage.remove([...job.staged.values()]);
      resolve();
    }
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all([...this.#jobs].map(({ ended }) => ended));
  }

  async #attempt(job: Job): Promise<void> {
    const wants = await this.#unclaimedWants(job);
    const placed = Promise.withResolvers<void>();
    for (const key of wants.keys()) this.#claims.set(key, placed.promise);
    try {
      if (wants.size > 0) await this.#fetch(job, [...wants.values()]);
      await this.#options.turns.run(() => this.#apply(job));
    } finally {
      for (const key of wants.keys()) this.#claims.delete(key);
      placed.resolve();
    }
  }

  /** What the space lacks, once none of it is on its way for somebody else. */
  async #unclaimedWants(job: Job): Promise<Map<string, WantedContent>> {
    for (;;) {
      const wants = this.#wants(job);
      const claims = [...wants.keys()].map((key) => this.#claims.get(key));
      const claimed = claims.filter((claim) => claim !== undefined);
      if (claimed.length === 0) return wants;
      await Promise.all(claimed);
    }
  }

  /** By key, what the space lacks to carry out the batch. */
  #wants(job: Job): Map<string, WantedContent> {
    const { pieces: { index }, places } = this.#options;
    const wants = new Map<string, WantedContent>();
    for (const { entry, outcome } of job.items) {
      if (outcome !== undefined || entry.kind !== "file") continue;
      const before = index.get(entry.path);
      if ("outcome" in compareAndSet(entry, before) || !needsContent(entry, before)) continue;
      const key = contentKey(entry);
      if (job.staged.has(key) || wants.has(key) || places.find(entry) !== undefined) continue;
      const { path, id, size } = entry;
      const bases = size > SMALL_SIZE_MAX ? places.basesFor(path, OLD_BASES_MAX) : [];
      wants.set(key, { id, size, bases });
    }
    return wants;
  }

  async #fetch(job: Job, wants: readonly WantedContent[]): Promise<void> {
    const { putter: { fetcher, connection, signal }, staged } = job;
    if (fetcher === undefined) {
      for (const want of wants) settle(job, contentKey(want), ABSENT);
      return;
    }
    const arrived = new ArrivedBytes(wants);
    const progress = (want: WantedContent) => {
      if (want.bases.length === 0) this.#options.onGrown(want, connection);
    };
    for await (const content of arrivals(fetcher, wants, { signal, progress })) {
      const key = contentKey(content.want);
      if (!("staged" in content)) {
        const { reason } = content;
        settle(job, key, reason === "absent" ? ABSENT : refused(reason.error));
        continue;
      }
      staged.set(key, content.staged);
      if (content.bytes === undefined) continue;
      arrived.add(content.want, content.bytes);
      if (arrived.isFull) this.#keep(job, arrived.take());
    }
    this.#keep(job, arrived.take());
  }

  #keep({ kept }: Job, contents: readonly PendingContent[]): void {
    if (contents.length === 0) return;
    this.#options.pieces.index.keep(contents);
    for (const { id, size } of contents) kept.push({ id, size });
  }

  async #apply(job: Job): Promise<void> {
    const { pieces, places, log, keepVersions } = this.#options;
    const nowMs = this.#options.wallClock();
    const application = new Application({
      pieces,
      places,
      keepsVersions: keepVersions > 0,
      nowMs,
      device: job.putter.name,
      staged: job.staged,
    });
    const { unexpected, replaced } = await application.run(job.items);
    for (const path of unexpected) {
      if (!places.isInTrash(path)) await inspect(path, { pieces, places, nowMs, log });
    }
    this.#options.onApplied(replaced);
  }
}

/** What the device sends. Only what goes wrong with that is the device's fault. */
async function* arrivals(
  fetcher: ContentFetcher,
  wants: readonly WantedContent[],
  options: Omit<FetchOptions, "durable">,
): AsyncGenerator<FetchResult> {
  try {
    yield* fetcher.fetch(wants, { ...options, durable: true });
  } catch (cause) {
    throw new PutterGone(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function isOpen({ items }: Job): boolean {
  return items.some(({ outcome }) => outcome === undefined);
}

/** Gives all entries with that content the same outcome. */
function settle({ items }: Job, key: string, outcome: PutOutcome): void {
  for (const item of items) {
    const { kind } = item.entry;
    if (item.outcome === undefined && kind === "file" && contentKey(item.entry) === key) {
      item.outcome = outcome;
    }
  }
}

/** Whether both are of one device, and a path of one is, or lies above, a path of the other. */
function mustPrecede(earlier: Job, later: Job): boolean {
  if (earlier.putter !== later.putter) return false;
  for (const path of later.paths) {
    if (earlier.paths.has(path) || earlier.above.has(path)) return true;
  }
  for (const path of later.above) if (earlier.paths.has(path)) return true;
  return false;
}

/** Copies of small contents in one buffer, until they are handed to the index. */
class ArrivedBytes {
  readonly #buffer: Uint8Array;
  #used = 0;
  #contents: PendingContent[] = [];

  constructor(wants: readonly WantedContent[]) {
    const small = wants.filter(({ size }) => size <= SMALL_SIZE_MAX);
    const total = small.reduce((sum, { size }) => sum + size, 0);
    this.#buffer = new Uint8Array(Math.min(total, KEPT_BYTES_MAX + SMALL_SIZE_MAX));
  }

  get isFull(): boolean {
    return this.#used >= KEPT_BYTES_MAX;
  }

  /** Adds a content. Its bytes are gone with the next one that comes. */
  add({ id, size }: ContentId, bytes: Uint8Array): void {
    const copy = this.#buffer.subarray(this.#used, this.#used += size);
    copy.set(bytes);
    this.#contents.push({ id, size, bytes: copy });
  }

  /** The contents so far, whose place the next ones take. */
  take(): PendingContent[] {
    const taken = this.#contents;
    this.#contents = [];
    this.#used = 0;
    return taken;
  }
}
