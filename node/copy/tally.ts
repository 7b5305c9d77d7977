/** Counts what happens while a tree is copied, for its progress and its summary. */

import type { RateMeter } from "../traffic/rate_meter.ts";
import { SizeStatistics } from "./size_statistics.ts";
import type { TreeEntry, TreeTotals } from "./tree_entry.ts";

/** A file on its way. */
export interface CurrentFile {
  readonly path: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export class CopyTally {
  /** What there is to copy, as soon as the source has said so. */
  totals: TreeTotals = { fileCount: 0, byteCount: 0, otherCount: 0 };
  fetchedCount = 0;
  fetchedBytes = 0;
  /** Files that were here already, and their bytes. */
  sameCount = 0;
  sameBytes = 0;
  /** Folders, links and modes that were made here. */
  madeCount = 0;
  skippedCount = 0;
  excludedCount = 0;
  excludedBytes = 0;
  deletedCount = 0;
  failedCount = 0;
  /** The bytes of files that failed: they do not come. */
  failedBytes = 0;
  /** Of all files that are here now, complete and verified. */
  readonly sizes = new SizeStatistics();
  /** Large files on their way, by path. */
  readonly current = new Map<string, CurrentFile>();
  readonly #rate: RateMeter;
  #latest: CurrentFile | undefined;

  /** @param rate Of the bytes that come. */
  constructor(rate: RateMeter) {
    this.#rate = rate;
  }

  /** Files of which it is known what becomes of them. */
  get filesDone(): number {
    return this.fetchedCount + this.sameCount + this.excludedCount + this.failedCount;
  }

  /** Bytes that are here or do not come. */
  get bytesDone(): number {
    let bytes = this.fetchedBytes + this.sameBytes + this.excludedBytes +
      this.failedBytes;
    for (const { bytesDone } of this.current.values()) bytes += bytesDone;
    return bytes;
  }

  /** A file on its way, or the one that came last. */
  get currentFile(): CurrentFile | undefined {
    return this.current.values().next().value ?? this.#latest;
  }

  /** Bytes a second over the last seconds. */
  get bytesPerSecond(): number {
    return this.#rate.rate();
  }

  /** So many bytes of a large file are here. */
  advance(file: CurrentFile): void {
    const before = this.current.get(file.path)?.bytesDone ?? 0;
    this.#rate.add(Math.max(0, file.bytesDone - before));
    this.current.set(file.path, file);
  }

  /** A file has arrived. */
  fetched({ path, size }: TreeEntry): void {
    const before = this.current.get(path)?.bytesDone ?? 0;
    this.current.delete(path);
    this.#rate.add(Math.max(0, size - before));
    this.#latest = { path, bytesDone: size, bytesTotal: size };
    this.fetchedCount++;
    this.fetchedBytes += size;
    this.sizes.add(size);
  }

  /** An entry was here already. */
  same({ kind, size }: TreeEntry): void {
    if (kind !== "file") return;
    this.sameCount++;
    this.sameBytes += size;
    this.sizes.add(size);
  }

  /** An entry is left alone. */
  excluded({ kind, size }: TreeEntry): void {
    if (kind !== "file") return;
    this.excludedCount++;
    this.excludedBytes += size;
  }

  /** A folder or link was made, or a mode set. */
  made(entry: TreeEntry): void {
    this.madeCount++;
    this.same(entry);
  }

  /** An entry could not be copied. */
  failed({ kind, path, size }: TreeEntry): void {
    this.current.delete(path);
    this.failedCount++;
    if (kind === "file") this.failedBytes += size;
  }
}
