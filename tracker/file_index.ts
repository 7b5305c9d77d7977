/**
 * Finds files: by what names them exactly, by name, by the first digits of the id, and page by page.
 *
 * Names and ids are chosen by whoever announces a file, so many files may share a name or a prefix on
 * purpose. Each bucket is therefore a paged list of its own, and a page looks at a bounded number.
 */

import { toHex } from "../protocol/bytes.ts";
import type { FileRef, SwarmFile } from "./entries.ts";
import { SerialList } from "./serial_list.ts";
import type { Page } from "./serial_list.ts";

/** An id can be looked up by its first digits, from this many on. */
const PREFIX_DIGITS = 8;
const prefixPattern = /^[0-9a-f]{8,64}$/;

/** A file is found under this many names at most. */
const NAME_COUNT_MAX = 16;
/** An older file is put in its place among at most so many of the same name. */
const LATE_BUCKET_MAX = 1024;

export class FileIndex {
  readonly #byRef = new Map<string, SwarmFile>();
  readonly #all = new SerialList<SwarmFile>();
  readonly #byName = new Buckets();
  readonly #byPrefix = new Buckets();

  get count(): number {
    return this.#byRef.size;
  }

  find(ref: FileRef): SwarmFile | undefined {
    return this.#byRef.get(refKey(ref));
  }

  add(file: SwarmFile): void {
    this.#byRef.set(refKey(file), file);
    this.#all.add(file);
    for (const name of file.names) this.#byName.add(name, file);
    this.#byPrefix.add(prefixOf(file), file);
  }

  /** Lets a file be found under one more name. Answers false when it cannot, or when it already is. */
  addName(file: SwarmFile, name: string): boolean {
    if (file.names.includes(name) || file.names.length >= NAME_COUNT_MAX) return false;
    if (this.#byName.sizeOf(name) >= LATE_BUCKET_MAX) return false;
    file.names.push(name);
    this.#byName.add(name, file);
    return true;
  }

  /** Takes a file out that is marked as gone. */
  remove(file: SwarmFile): void {
    this.#byRef.delete(refKey(file));
    this.#all.forget();
    for (const name of file.names) this.#byName.forget(name);
    this.#byPrefix.forget(prefixOf(file));
  }

  /** Files after serial number `after`: all of them when `match` is empty, or those that it names. */
  page(after: number, countMax: number, match: string): Page<SwarmFile> {
    if (match === "") return this.#all.page(after, countMax);
    const named = this.#byName.page(match, after, countMax);
    const digits = match.toLowerCase();
    if (!prefixPattern.test(digits)) return named;
    const accept = (file: SwarmFile) => toHex(file.id).startsWith(digits);
    const bucket = digits.slice(0, PREFIX_DIGITS);
    return merge(named, this.#byPrefix.page(bucket, after, countMax, accept), countMax);
  }
}

/** Lists of files under a key. A list that is empty is not kept. */
class Buckets {
  readonly #lists = new Map<string, SerialList<SwarmFile>>();

  add(key: string, file: SwarmFile): void {
    let list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, list = new SerialList());
    list.add(file);
  }

  forget(key: string): void {
    const list = this.#lists.get(key);
    list?.forget();
    if (list?.size === 0) this.#lists.delete(key);
  }

  sizeOf(key: string): number {
    return this.#lists.get(key)?.size ?? 0;
  }

  page(
    key: string,
    after: number,
    countMax: number,
    accept?: (file: SwarmFile) => boolean,
  ): Page<SwarmFile> {
    return this.#lists.get(key)?.page(after, countMax, accept) ?? { items: [], next: 0 };
  }
}

/** One page of two, in order, each file once. It reaches as far as both of them do. */
function merge(a: Page<SwarmFile>, b: Page<SwarmFile>, countMax: number): Page<SwarmFile> {
  const reach = Math.min(a.next || Infinity, b.next || Infinity);
  const items = [...new Set([...a.items, ...b.items])]
    .filter(({ serial }) => serial <= reach)
    .sort((one, other) => one.serial - other.serial);
  if (items.length > countMax) {
    return { items: items.slice(0, countMax), next: items[countMax - 1]!.serial };
  }
  return { items, next: reach === Infinity ? 0 : reach };
}

function refKey({ id, size }: FileRef): string {
  return `${toHex(id)}:${size}`;
}

function prefixOf({ id }: FileRef): string {
  return toHex(id.subarray(0, PREFIX_DIGITS / 2));
}
