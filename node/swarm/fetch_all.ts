/**
 * Fetches a list of files with a node: small ones packed together, large ones a few at a time.
 *
 * A file that is in the folder already with the same content is not fetched, one with another content is
 * not replaced unless that was asked for, and the same content under several names travels once.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { WHOLE_SIZE_MAX } from "../../protocol/messages.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { Folder } from "../store/folder.ts";
import { fileKey } from "./catalog.ts";
import type { FileKey, HeldFile } from "./catalog.ts";
import type { Wanted } from "./download.ts";
import type { SwarmNode } from "./swarm_node.ts";
import { NotWhole } from "./whole_fetch.ts";

/** Large files that are fetched at the same time. */
const DOWNLOADS_MAX = 8;

/** A wanted file as the list of the tracker describes it. */
export interface ListedFile extends Wanted {
  readonly blockSize: number;
}

/** A file that is now in the folder. */
export interface Fetched {
  readonly wanted: ListedFile;
  /** The local path. */
  readonly path: string;
  /** It was there before, with the same content. */
  readonly wasHere: boolean;
  /** What the node holds of it now; nothing when it was there before. */
  readonly file?: HeldFile;
  readonly seconds: number;
  readonly blockCount: number;
  readonly badBlockCount: number;
  readonly peerCount: number;
}

/** A file that could not be had, and why. */
export interface Failed {
  readonly wanted: ListedFile;
  readonly error: Error;
}

export interface FetchAllOptions {
  readonly node: SwarmNode;
  readonly folder: Folder;
  readonly disk: BlockDisk;
  readonly signal: AbortSignal;
  /** Called for each file as soon as it is settled. */
  readonly settled: (outcome: Fetched | Failed) => void;
}

/** Settles every wanted file. Rejects only with the signal's reason. Names must be different. */
export async function fetchAll(
  wanted: readonly ListedFile[],
  options: FetchAllOptions,
): Promise<void> {
  const missing = await withoutPresent(wanted, options);
  const small = missing.filter(travelsWhole);
  const large = missing.filter((file) => !travelsWhole(file));
  await Promise.all([
    fetchSmall(small, options).then((refused) => fetchInBlocks(refused, options)),
    fetchInBlocks(large, options),
  ]);
}

async function fetchInBlocks(
  files: readonly ListedFile[],
  options: FetchAllOptions,
): Promise<void> {
  const groups = groupByContent(files);
  const queue = groups.values();
  const lanes = Array.from({ length: Math.min(DOWNLOADS_MAX, groups.length) }, async () => {
    for (const copies of queue) await fetchLarge(copies, options);
  });
  await Promise.all(lanes);
}

function travelsWhole({ size, blockSize }: ListedFile): boolean {
  return size <= WHOLE_SIZE_MAX && size <= blockSize;
}

function groupByContent(files: readonly ListedFile[]): ListedFile[][] {
  const groups = new Map<FileKey, ListedFile[]>();
  for (const file of files) {
    const key = fileKey(file);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}

/** Settles what is in the folder already. Answers what must be fetched. */
async function withoutPresent(
  wanted: readonly ListedFile[],
  { folder, disk, signal, settled }: FetchAllOptions,
): Promise<ListedFile[]> {
  const existing = folder.existing(wanted.map(({ name }) => name));
  const present = wanted.filter(({ name }) => existing.has(name));
  const missing = wanted.filter(({ name }) => !existing.has(name));
  if (present.length === 0) return missing;
  const files = present.map(({ name, blockSize }) => (
    { path: folder.pathOf(name), size: folder.state(name)?.size ?? 0, blockSize }
  ));
  let position = 0;
  for await (const hashed of disk.hashFiles(files, { sign: false, signal })) {
    const file = present[position]!;
    const same = "id" in hashed && sameBytes(hashed.id, file.id) &&
      files[position]!.size === file.size;
    position++;
    if (same) settled({ ...wasHere, wanted: file, path: folder.pathOf(file.name) });
    else if (file.replace) missing.push(file);
    else settled({ wanted: file, error: new Error(otherFileMessage(file.name)) });
  }
  return missing;
}

const wasHere = { wasHere: true, seconds: 0, blockCount: 0, badBlockCount: 0, peerCount: 0 };

function otherFileMessage(name: string): string {
  return `Cannot get ${name}: there is another file of that name (--force replaces it)`;
}

/**
 * Fetches files that travel whole. Answers those that do not after all: how a file is cut is known only
 * from whoever announced it first.
 */
async function fetchSmall(
  small: readonly ListedFile[],
  options: FetchAllOptions,
): Promise<ListedFile[]> {
  const refused: ListedFile[] = [];
  if (small.length === 0) return refused;
  const { node, folder, signal, settled } = options;
  const byName = new Map(small.map((file) => [file.name, file]));
  const done = { wasHere: false, seconds: 0, peerCount: 1, badBlockCount: 0 };
  await node.fetchWhole(small, {
    signal,
    settled: (wanted, outcome) => {
      const file = byName.get(wanted.name)!;
      if (outcome instanceof NotWhole) return void refused.push(file);
      if (outcome instanceof Error) return settled({ wanted: file, error: outcome });
      const path = folder.pathOf(file.name);
      settled({ ...done, wanted: file, path, file: outcome, blockCount: file.size === 0 ? 0 : 1 });
    },
  });
  return refused;
}

/** Fetches a content once, unless the folder has it under another name, and copies it to its other names. */
async function fetchLarge(copies: readonly ListedFile[], options: FetchAllOptions): Promise<void> {
  const { node, folder, signal, settled } = options;
  const unsettled = new Set(copies);
  const settle = (wanted: ListedFile, how: How) => {
    unsettled.delete(wanted);
    settled({ ...how, wanted, path: folder.pathOf(wanted.name) });
  };
  try {
    const [first] = copies;
    const held = node.catalog.get(fileKey(first!));
    const isHere = held?.location.kind === "file";
    const how = isHere ? { ...notFetched, file: held } : await download(first!, options);
    if (!isHere) settle(first!, how);
    for (const wanted of [...unsettled]) {
      await copyTo(wanted, how.file, options);
      settle(wanted, how);
    }
  } catch (reason) {
    signal.throwIfAborted();
    const error = reason instanceof Error ? reason : new Error(String(reason));
    for (const wanted of unsettled) settled({ wanted, error });
  }
}

/** How a content came into the folder. */
type How = Omit<Fetched, "wanted" | "path">;

const notFetched = { wasHere: false, seconds: 0, blockCount: 0, badBlockCount: 0, peerCount: 0 };

async function download(wanted: ListedFile, { node, signal }: FetchAllOptions) {
  const downloaded = await node.download(wanted, signal);
  const { file, seconds, blockCount, badBlockCount, blocksByPeer } = downloaded;
  const peerCount = blocksByPeer.size;
  return { wasHere: false, file, seconds, blockCount, badBlockCount, peerCount };
}

async function copyTo(
  { name, replace }: ListedFile,
  { location, manifest }: HeldFile,
  { node, folder }: FetchAllOptions,
): Promise<void> {
  if (location.kind !== "file") throw new Error(`Cannot get ${name}: its content is gone again`);
  await folder.copy(location.name, name, { replace });
  const state = folder.state(name);
  if (state !== undefined) node.catalog.addFile(manifest, name, state.stamp);
}
