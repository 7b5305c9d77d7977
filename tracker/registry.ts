/**
 * The swarm as the tracker knows it: which nodes are active, which files there are, who holds what.
 *
 * Pure: no sockets, no clock, no randomness of its own. Everything that arrives here has passed the
 * decoders of the protocol; what a decoder cannot know (names, bitfields, limits) is checked here, before
 * anything is changed. A file lives as long as at least one node holds or wants it.
 */

import { toHex } from "../protocol/bytes.ts";
import { ErrorCode } from "../protocol/errors.ts";
import type { BodyOf } from "../protocol/messages.ts";
import { checkName } from "../protocol/path.ts";
import type { Address, Random } from "../protocol/ports.ts";
import type { FileRef, Holding, Listing, SwarmFile, SwarmNode } from "./entries.ts";
import { FileIndex } from "./file_index.ts";
import type { Have } from "./have.ts";
import { blockCount, HAVE_ALL, HAVE_NONE, readHave } from "./have.ts";
import { Holders } from "./holders.ts";
import type { SampleOptions } from "./holders.ts";
import {
  DEFAULT_LIMITS,
  FILE_COST,
  HOLDING_COST,
  listingCost,
  MemoryBudget,
  NODE_COST,
  requirePlace,
} from "./limits.ts";
import type { RegistryLimits } from "./limits.ts";
import { fileAnswer, nodeAnswer, PAGE_COUNT_MAX } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { SerialList } from "./serial_list.ts";

/** A file as a node announces it: what it is, and which blocks of it the node holds. */
export type AnnouncedFile = BodyOf<"announce">["files"][number];

/** A node that asks who holds a file is told so many holders at most: several times what it connects to. */
export const SAMPLE_COUNT_MAX = 50;
/** A node that reports is told fewer. It has found others before, and reports again soon. */
const REPORT_SAMPLE_COUNT_MAX = 16;

/** Is told of every change, for keeping a copy. */
export interface RegistryObserver {
  nodeListed(node: SwarmNode): void;
  /** The node is gone, and all its holdings with it. */
  nodeDropped(node: SwarmNode): void;
  fileListed(file: SwarmFile): void;
  fileDropped(file: SwarmFile): void;
  /** What a node holds of a file is new, or more or less, or has one more name or one less. */
  holdingChanged(holding: Holding): void;
  holdingDropped(holding: Holding): void;
}

export interface RegistryOptions {
  readonly random: Random;
  readonly limits?: RegistryLimits;
  readonly observer?: RegistryObserver | undefined;
}

/** A node from an earlier run. */
export interface SavedNode {
  readonly serial: number;
  readonly nodeId: Uint8Array;
  readonly address: Address;
}

/** What a node held of a file in an earlier run. */
export interface SavedHolding {
  readonly file: SavedFile;
  readonly names: readonly string[];
  readonly blockSize: number;
  /** As on the wire; `undefined` for no block. */
  readonly have: Uint8Array | undefined;
}

type SavedFile = Pick<SwarmFile, "serial" | "id" | "size" | "blockSize" | "publisher">;

/** What a node holds of one file, and under which name. */
interface Held {
  readonly name: string;
  readonly blockSize: number;
  readonly have: Have;
}

export class Registry {
  readonly #random: Random;
  readonly #limits: RegistryLimits;
  readonly #observer: RegistryObserver | undefined;
  readonly #nodes = new Map<string, SwarmNode>();
  readonly #nodeList = new SerialList<SwarmNode>();
  readonly #files = new FileIndex();
  #nodeSerial = 0;
  #fileSerial = 0;
  #listingSerial = 0;
  readonly #memory: MemoryBudget;

  constructor({ random, limits = DEFAULT_LIMITS, observer }: RegistryOptions) {
    this.#random = random;
    this.#limits = limits;
    this.#memory = new MemoryBudget(limits.memory);
    this.#observer = observer;
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** How many different contents there are. */
  get fileCount(): number {
    return this.#files.fileCount;
  }

  /** Bytes that all entries take, as they are counted against the limit. */
  get memory(): number {
    return this.#memory.used;
  }

  /**
   * Lists a node that holds nothing yet. What was announced under the same node id before is forgotten.
   * Throws a `Refusal` when the memory is used up.
   */
  join(nodeId: Uint8Array, address: Address, nowMs: number): SwarmNode {
    const before = this.#nodes.get(toHex(nodeId));
    if (before !== undefined) this.remove(before);
    return this.#addNode({ serial: this.#nodeSerial + 1, nodeId, address }, nowMs);
  }

  /** Forgets a node and all that it announced. */
  remove(node: SwarmNode): void {
    if (node.gone) return;
    node.gone = true;
    for (const holding of node.holdings.values()) {
      for (const listing of holding.listings) this.#dropName(node, listing);
      this.#dropHolding(holding);
    }
    this.#nodes.delete(node.key);
    this.#nodeList.forget();
    this.#memory.add(-NODE_COST);
    this.#observer?.nodeDropped(node);
  }

  /** Forgets every node that was last heard before `limitMs`, and answers which. */
  expire(limitMs: number): SwarmNode[] {
    const expired: SwarmNode[] = [];
    for (const node of this.#nodes.values()) {
      if (node.heardMs < limitMs) expired.push(node);
    }
    for (const node of expired) this.remove(node);
    return expired;
  }

  /**
   * Adds files to those that a node holds. Throws a `ProtocolError` when one of them makes no sense; none
   * is added then. Throws a `Refusal` when a limit is reached; those before it are added then.
   */
  announce(node: SwarmNode, files: readonly AnnouncedFile[]): void {
    const held = files.map(({ name, size, blockSize, have }): Held => {
      return { name: checkName(name), blockSize, have: readHave(have, size, blockSize) };
    });
    files.forEach((described, i) => {
      const file = this.#files.find(described) ??
        makeFile({ ...described, serial: this.#fileSerial + 1 });
      this.#hold(node, file, held[i]!);
    });
  }

  /** A node has files under these names no more. Without any name left, it does not hold a file. */
  withdraw(node: SwarmNode, files: BodyOf<"withdraw">["files"]): void {
    for (const { id, size, name } of files) {
      const file = this.#files.find({ id, size });
      const holding = file && node.holdings.get(file);
      if (holding !== undefined) this.#withdrawName(holding, name);
    }
  }

  /**
   * A node tells which blocks of a file it holds by now; answers who else does. Throws a `ProtocolError`
   * for a bitfield that does not fit, and a `Refusal` when nobody has announced the file or a limit is
   * reached.
   */
  progress(node: SwarmNode, { id, size, have }: BodyOf<"progress">): BodyOf<"holders"> {
    const file = this.#findFile({ id, size });
    this.#report(node, file, readHave(have, size, blockSizeOf(file, node)));
    return this.#holdersOf(file, { asker: node, countMax: REPORT_SAMPLE_COUNT_MAX });
  }

  /**
   * A node tells that it holds files completely. Throws a `Refusal` when nobody has announced one of them
   * or a limit is reached; those before it are taken note of then.
   */
  finish(node: SwarmNode, files: readonly FileRef[]): void {
    for (const ref of files) this.#report(node, this.#findFile(ref), HAVE_ALL);
  }

  /** Who holds a file, besides the node that asks. Throws a `Refusal` when nobody has announced it. */
  findHolders(ref: FileRef, asker: SwarmNode | undefined): BodyOf<"holders"> {
    return this.#holdersOf(this.#findFile(ref), { asker, countMax: SAMPLE_COUNT_MAX });
  }

  /** A page of the nodes in the order in which they joined. */
  listNodes({ after }: BodyOf<"listNodes">): BodyOf<"nodes"> {
    return nodeAnswer(this.#nodeList.page(after, PAGE_COUNT_MAX));
  }

  /** A page of the files in the order in which they were first announced. */
  listFiles({ after, match }: BodyOf<"listFiles">): BodyOf<"files"> {
    return fileAnswer(this.#files.page(after, PAGE_COUNT_MAX, match));
  }

  /** Lists a node from an earlier run as if it had been heard now. */
  restoreNode(saved: SavedNode, nowMs: number): SwarmNode {
    return this.#addNode(saved, nowMs);
  }

  /** Lists what a node held of a file in an earlier run. Throws a `ProtocolError` when it makes no sense. */
  restoreHolding(node: SwarmNode, { file, names, blockSize, have }: SavedHolding): void {
    blockCount(file.size, file.blockSize);
    const held = have === undefined ? HAVE_NONE : readHave(have, file.size, blockSize);
    const listed = this.#files.find(file) ?? makeFile(file);
    for (const name of names) {
      this.#hold(node, listed, { name: checkName(name), blockSize, have: held });
    }
  }

  #addNode({ serial, nodeId, address }: SavedNode, heardMs: number): SwarmNode {
    this.#memory.requireRoom(NODE_COST);
    const { host, port } = address;
    const key = toHex(nodeId);
    const node: SwarmNode = {
      serial,
      nodeId,
      key,
      host,
      port,
      heardMs,
      holdings: new Map(),
      fileCount: 0,
      gone: false,
    };
    this.#nodeSerial = Math.max(this.#nodeSerial, serial);
    this.#nodes.set(key, node);
    this.#nodeList.add(node);
    this.#memory.add(NODE_COST);
    this.#observer?.nodeListed(node);
    return node;
  }

  /**
   * Takes note that a node has a file, which may be new, under a name, which may be new, and what it holds of
   * it. Throws a `Refusal` when a limit is reached; nothing has changed then.
   */
  #hold(node: SwarmNode, file: SwarmFile, { name, blockSize, have }: Held): void {
    const before = node.holdings.get(file);
    const known = file.listings.get(name);
    const isNamed = known !== undefined && before?.listings.includes(known) === true;
    const growth = have.bits.length - (before?.have.bits.length ?? -HOLDING_COST);
    if (!isNamed) requirePlace(node, before, this.#limits);
    this.#memory.requireRoom(
      growth + (known === undefined ? listingCost(name) : 0) +
        (file.listings.size === 0 ? FILE_COST : 0),
    );

    if (file.listings.size === 0) this.#addFile(file);
    const listing = known ?? this.#addListing(file, name);
    const holding = before ?? this.#addHolding(node, file);
    if (!isNamed) addName(holding, listing);
    this.#memory.add(growth);
    holding.blockSize = blockSize;
    file.holders.update(holding, have);
    this.#observer?.holdingChanged(holding);
  }

  /** A node that only reports has a file under the name that was announced first. */
  #report(node: SwarmNode, file: SwarmFile, have: Have): void {
    const holding = node.holdings.get(file);
    const { name } = holding?.listings[0] ?? file.listings.values().next().value!;
    this.#hold(node, file, { name, blockSize: blockSizeOf(file, node), have });
  }

  #addFile(file: SwarmFile): void {
    this.#fileSerial = Math.max(this.#fileSerial, file.serial);
    this.#files.add(file);
    this.#memory.add(FILE_COST);
    this.#observer?.fileListed(file);
  }

  #addListing(file: SwarmFile, name: string): Listing {
    const listing = { serial: ++this.#listingSerial, file, name, nodeCount: 0, gone: false };
    file.listings.set(name, listing);
    this.#files.addListing(listing);
    this.#memory.add(listingCost(name));
    return listing;
  }

  #addHolding(node: SwarmNode, file: SwarmFile): Holding {
    const { blockSize } = file;
    const have = HAVE_NONE;
    const holding = { node, file, listings: [], blockSize, have, place: -1, gone: false };
    node.holdings.set(file, holding);
    file.holders.add(holding);
    return holding;
  }

  #withdrawName(holding: Holding, name: string): void {
    const { node, listings } = holding;
    const place = listings.findIndex((listing) => listing.name === name);
    if (place < 0) return;
    const [listing] = listings.splice(place, 1);
    this.#dropName(node, listing!);
    if (listings.length === 0) this.#dropHolding(holding);
    else this.#observer?.holdingChanged(holding);
  }

  #dropName(node: SwarmNode, listing: Listing): void {
    node.fileCount--;
    listing.nodeCount--;
    if (listing.nodeCount > 0) return;
    listing.gone = true;
    listing.file.listings.delete(listing.name);
    this.#files.removeListing(listing);
    this.#memory.add(-listingCost(listing.name));
  }

  /** Forgets a holding whose names have been dropped. */
  #dropHolding(holding: Holding): void {
    const { node, file, have } = holding;
    holding.gone = true;
    node.holdings.delete(file);
    file.holders.remove(holding);
    this.#memory.add(-HOLDING_COST - have.bits.length);
    this.#observer?.holdingDropped(holding);
    if (file.listings.size === 0) this.#dropFile(file);
  }

  #dropFile(file: SwarmFile): void {
    file.gone = true;
    this.#files.remove(file);
    this.#memory.add(-FILE_COST);
    this.#observer?.fileDropped(file);
  }

  #findFile(ref: FileRef): SwarmFile {
    const file = this.#files.find(ref);
    if (file === undefined) {
      throw new Refusal(ErrorCode.absent, "Cannot find file: nobody has announced it");
    }
    return file;
  }

  #holdersOf(
    file: SwarmFile,
    { asker, countMax }: Pick<SampleOptions, "asker" | "countMax">,
  ): BodyOf<"holders"> {
    const { holders } = file;
    const blockSize = blockSizeOf(file, asker);
    return {
      seeders: holders.seederCount,
      leechers: holders.leecherCount,
      holders: holders.sample({ asker, blockSize, countMax, random: this.#random }),
    };
  }
}

/** A file that is not listed yet. */
function makeFile({ serial, id, size, blockSize, publisher }: SavedFile): SwarmFile {
  const listings = new Map<string, Listing>();
  return { serial, id, size, blockSize, publisher, listings, holders: new Holders(), gone: false };
}

/** A node has a file under one more name. */
function addName(holding: Holding, listing: Listing): void {
  // There is rarely a second one, and the first `push` would make room for seventeen.
  if (holding.listings.length === 0) holding.listings = [listing];
  else holding.listings.push(listing);
  holding.node.fileCount++;
  listing.nodeCount++;
}

/** In which blocks a node counts what it holds of a file. */
function blockSizeOf(file: SwarmFile, node: SwarmNode | undefined): number {
  return node?.holdings.get(file)?.blockSize ?? file.blockSize;
}
