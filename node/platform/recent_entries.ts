/**
 * The entries of a user's space that changed last: what one device has just put is told to the other a moment later,
 * which asks for its content then. Nothing of that has to be read from the database.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import type { IndexedEntry } from "../sync/server/user_index.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId } from "../transfer/contents.ts";

/** So many changes stay in memory, or twice as many, with less than 1 KiB each. */
const COUNT = 4096;

export class RecentEntries {
  /** In their order, with those whose paths have changed again since. */
  #changes: IndexedEntry[] = [];
  /** All changes after this sequence number are here. */
  #start: number;
  readonly #byPath = new Map<string, IndexedEntry>();
  /** By content, the path that had it last, if it still has. */
  readonly #paths = new Map<string, string>();

  /** @param sequence The sequence number of the last change. */
  constructor(sequence: number) {
    this.#start = sequence;
  }

  /** What is known of a path, if it changed lately. */
  get(path: string): IndexedEntry | undefined {
    return this.#byPath.get(path);
  }

  /** A file with this content that changed lately. */
  fileWith(content: ContentId): IndexedEntry | undefined {
    const path = this.#paths.get(contentKey(content));
    const entry = path === undefined ? undefined : this.#byPath.get(path);
    const isOne = entry?.kind === "file" && entry.size === content.size &&
      sameBytes(entry.id, content.id);
    return isOne ? entry : undefined;
  }

  /** The first entries that changed after a sequence number; undefined where not all of them are here. */
  after(sequence: number, countMax: number): IndexedEntry[] | undefined {
    if (sequence < this.#start) return undefined;
    const found: IndexedEntry[] = [];
    for (let at = this.#positionAfter(sequence); at < this.#changes.length; at++) {
      if (found.length === countMax) break;
      const change = this.#changes[at]!;
      if (this.#byPath.get(change.path) === change) found.push(change);
    }
    return found;
  }

  /** The next changes. */
  add(changes: readonly IndexedEntry[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#byPath.set(change.path, change);
      if (change.kind === "file") this.#paths.set(contentKey(change), change.path);
    }
    if (this.#changes.length > 2 * COUNT) this.#forget(this.#changes.length - COUNT);
  }

  /** Forgets everything: there was a change that is none of an entry. */
  clear(sequence: number): void {
    this.#changes = [];
    this.#start = sequence;
    this.#byPath.clear();
    this.#paths.clear();
  }

  #forget(count: number): void {
    for (const change of this.#changes.splice(0, count)) {
      const { path, kind, sequence } = change;
      this.#start = sequence;
      if (this.#byPath.get(path) !== change) continue;
      this.#byPath.delete(path);
      if (kind === "file") this.#paths.delete(contentKey(change));
    }
  }

  /** The position of the first change after a sequence number. */
  #positionAfter(sequence: number): number {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle]!.sequence > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
