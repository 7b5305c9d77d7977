/**
 * The index of a user's space in memory: what a simulated server has on its disk. It outlives the process
 * that works with it, as every change of it is made whole.
 */

import { sameBytes, toHex } from "../../protocol/bytes.ts";
import { NO_ROOM } from "./memory_device_index.ts";
import type { Random } from "../../protocol/ports.ts";
import type { Entry } from "../../node/sync/entry.ts";
import type { ReplicaId } from "../../node/sync/version.ts";
import type {
  IndexChanges,
  IndexedEntry,
  OldVersion,
  PendingContent,
  PresentEntry,
  UserIndex,
  VersionLimits,
} from "../../node/sync/server/user_index.ts";
import type { ContentId } from "../../node/transfer/contents.ts";

export class MemoryUserIndex implements UserIndex {
  readonly #random: Random;
  #replica: ReplicaId;
  #id: Uint8Array;
  #sequence = 0;
  /** By path, in the order of their last changes. */
  readonly #entries = new Map<string, IndexedEntry>();
  readonly #versions = new Map<string, OldVersion[]>();
  readonly #pending = new Map<string, PendingContent>();
  readonly #intended = new Map<string, Entry>();

  readonly #isFull: () => boolean;

  /** @param isFull Whether there is no room to save anything. */
  constructor(random: Random, isFull: () => boolean = () => false) {
    this.#random = random;
    this.#isFull = isFull;
    this.#replica = toHex(this.#bytes(8));
    this.#id = this.#bytes(16);
  }

  get replica(): ReplicaId {
    return this.#replica;
  }

  get id(): Uint8Array {
    return this.#id;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get(path: string): IndexedEntry | undefined {
    return this.#entries.get(path);
  }

  *present(): Generator<PresentEntry> {
    for (const entry of this.#entries.values()) if (entry.kind !== "absent") yield entry;
  }

  below(folder: string, countMax: number): string[] {
    const isBelow = ({ path, kind }: IndexedEntry) =>
      kind !== "absent" && path.startsWith(`${folder}/`);
    return [...this.#entries.values()].filter(isBelow).map(({ path }) => path).sort().slice(
      0,
      countMax,
    );
  }

  after(sequence: number, countMax: number): IndexedEntry[] {
    const found: IndexedEntry[] = [];
    for (const entry of this.#entries.values()) {
      if (found.length === countMax) break;
      if (entry.sequence > sequence) found.push(entry);
    }
    return found;
  }

  filesWith(content: ContentId, countMax: number): IndexedEntry[] {
    const isOne = (entry: IndexedEntry) => entry.kind === "file" && isSame(entry, content);
    return [...this.#entries.values()].filter(isOne).slice(0, countMax);
  }

  versionsOf(path: string, countMax: number): OldVersion[] {
    return this.#newestFirst(path).slice(0, countMax);
  }

  hasVersionWith(content: ContentId): boolean {
    return [...this.#versions.values()].some((all) => all.some((one) => isSame(one, content)));
  }

  expiredVersions({ countMax, beforeMs }: VersionLimits): OldVersion[] {
    return [...this.#versions.keys()].flatMap((path) =>
      this.#newestFirst(path).filter(({ replacedMs }, rank) =>
        rank >= countMax || replacedMs < beforeMs
      )
    );
  }

  versionsBeyond(path: string, countMax: number): OldVersion[] {
    return this.#newestFirst(path).slice(countMax);
  }

  keep(contents: readonly PendingContent[]): void {
    this.#requireRoom();
    for (const { id, size, bytes } of contents) {
      this.#pending.set(keyOf({ id, size }), { id, size, bytes: bytes.slice() });
    }
  }

  pending(): Iterable<PendingContent> {
    return [...this.#pending.values()];
  }

  intend(entries: readonly Entry[]): void {
    for (const entry of entries) this.#intended.set(entry.path, entry);
  }

  intended(path: string): Entry | undefined {
    return this.#intended.get(path);
  }

  commit(changes: IndexChanges): void {
    this.#requireRoom();
    const { put = [], dropped = [], stamps = [], replaced = [], expired = [], settled = [] } =
      changes;
    if (changes.renew === true) this.#id = this.#bytes(16);
    if (changes.fulfilled === true) this.#intended.clear();
    for (const path of dropped) this.#entries.delete(path);
    for (const { path, number } of expired) {
      const kept = (this.#versions.get(path) ?? []).filter((one) => one.number !== number);
      this.#versions.set(path, kept);
    }
    for (const content of settled) this.#pending.delete(keyOf(content));
    for (const { path, stamp } of stamps) {
      const entry = this.#entries.get(path);
      if (entry !== undefined) this.#entries.set(path, { ...entry, stamp });
    }
    for (const entry of put) {
      this.#entries.delete(entry.path);
      this.#entries.set(entry.path, { ...entry, sequence: ++this.#sequence });
    }
    for (const version of replaced) {
      const number = (this.#newestFirst(version.path)[0]?.number ?? 0) + 1;
      const before = this.#versions.get(version.path) ?? [];
      this.#versions.set(version.path, [...before, { ...version, number }]);
    }
  }

  /** What a copy of the index's file holds. */
  copy(): MemoryUserIndex {
    const copy = new MemoryUserIndex(this.#random, this.#isFull);
    copy.#replica = this.#replica;
    copy.#id = this.#id;
    copy.#sequence = this.#sequence;
    for (const [path, entry] of this.#entries) copy.#entries.set(path, entry);
    for (const [path, versions] of this.#versions) copy.#versions.set(path, versions);
    for (const [key, content] of this.#pending) copy.#pending.set(key, content);
    for (const [path, entry] of this.#intended) copy.#intended.set(path, entry);
    return copy;
  }

  [Symbol.dispose](): void {}

  #requireRoom(): void {
    if (this.#isFull()) throw new Error(`Cannot use the index: ${NO_ROOM}`);
  }

  #newestFirst(path: string): OldVersion[] {
    return (this.#versions.get(path) ?? []).toReversed();
  }

  #bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => Math.floor(this.#random() * 256));
  }
}

function isSame(a: ContentId, b: ContentId): boolean {
  return a.size === b.size && sameBytes(a.id, b.id);
}

function keyOf({ id, size }: ContentId): string {
  return `${toHex(id)}-${size}`;
}
