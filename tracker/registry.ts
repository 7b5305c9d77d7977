/**
 * The swarm as the tracker knows it: which nodes are active, which files there are, who holds what.
 *
 * Pure: no sockets, no clock, no randomness of its own. Everything that arrives here has passed the
 * decoders of the protocol; what a decoder cannot know (names, bitfields, limits) is checked here, before
 * anything is changed. A file lives as long as at least one node holds or wants it, and is listed under the
 * names that nodes have it under. What a node only reports, without announcing the file, gives no name.
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
import {
  ALIAS_COST,
  DEFAULT_LIMITS,
  FILE_COST,
  HOLDING_COST,
  listingCost,
  MemoryBudget,
  NODE_COST,
  requirePlace,
} from "./limits.ts";
import type { RegistryLimits } from "./limits.ts";
import { aliasCount, eachListing, findListing, withListing, withoutListing } from "./listings.ts";
import { fileAnswer, nodeAnswer, PAGE_COUNT_MAX } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import type { RegistryObserver, SavedFile, SavedHolding, SavedNode } from "./registry_copy.ts";
import { SerialList } from "./serial_list.ts";

/** A file as a node announces it: what it is, and which blocks of it the node holds. */
export type AnnouncedFile = BodyOf<"announce">["files"][number];

/** A node that asks who holds a file is told so many holders at most: several times what it connects to. */
export const SAMPLE_COUNT_MAX = 50;
/** A node that reports is told fewer. It has found others before, and reports again soon. */
const REPORT_SAMPLE_COUNT_MAX = 12;

export interface RegistryOptions {
  readonly random: Random;
  readonly limits?: RegistryLimits;
  readonly observer?: RegistryObserver | undefined;
}

/** What a node holds of one file. */
interface Held {
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
    for (const holding of node.holdings.values()) this.#dropHolding(holding);
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
      checkName(name);
      return { blockSize, have: readHave(have, size, blockSize) };
    });
    files.forEach((described, i) => {
      const file = this.#files.find(described) ??
        makeFile({ ...described, serial: this.#fileSerial + 1 });
      this.#holdNamed(node, file, { name: described.name, ...held[i]! });
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
    const blockSize = blockSizeOf(file, node);
    this.#hold(node, file, { blockSize, have: readHave(have, size, blockSize) });
    return this.#holdersOf(file, { asker: node, countMax: REPORT_SAMPLE_COUNT_MAX });
  }

  /**
   * A node tells that it holds files completely. Throws a `Refusal` when nobody has announced one of them
   * or a limit is reached; those before it are taken note of then.
   */
  finish(node: SwarmNode, files: readonly FileRef[]): void {
    for (const ref of files) {
      const file = this.#findFile(ref);
      this.#hold(node, file, { blockSize: blockSizeOf(file, node), have: HAVE_ALL });
    }
  }

  /** Who holds a file, besides the node that asks. Throws a `Refusal` when nobody has announced it. */
  findHolders(ref: FileRef, asker: SwarmNode | undefined): BodyOf<"holders"> {
    return this.#holdersOf(this.#findFile(ref), { asker, countMax: SAMPLE_COUNT_MAX });
  }

  /** A page of the nodes in the order in which they joined. */
  listNodes({ after }: BodyOf<"listNodes">): BodyOf<"nodes"> {
    return nodeAnswer(this.#nodeList.page(after, PAGE_COUNT_MAX));
  }

  /** A page of the files, once for each name, in the order in which the names came up. */
  listFiles({ after, match }: BodyOf<"listFiles">): BodyOf<"files"> {
    return fileAnswer(this.#files.page(after, PAGE_COUNT_MAX, match));
  }

  /** Lists a node from an earlier run as if it had been heard now. */
  restoreNode(saved: SavedNode, nowMs: number): SwarmNode {
    return this.#addNode(saved, nowMs);
  }

  /** Takes over what a node held of a file in an earlier run. Throws a `ProtocolError` when it makes no sense. */
  restoreHolding(node: SwarmNode, saved: SavedFile, { blockSize, have }: SavedHolding): Holding {
    blockCount(saved.size, saved.blockSize);
    const held = have === undefined ? HAVE_NONE : readHave(have, saved.size, blockSize);
    return this.#hold(node, this.#files.find(saved) ?? makeFile(saved), { blockSize, have: held });
  }

  /** Lists a file under a name that a node had it under. Throws a `ProtocolError` when it makes no sense. */
  restoreName({ node, file, blockSize, have }: Holding, name: string): void {
    this.#holdNamed(node, file, { name: checkName(name), blockSize, have });
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
  #holdNamed(node: SwarmNode, file: SwarmFile, named: Held & { readonly name: string }): void {
    const { name, blockSize, have } = named;
    const known = findListing(file.listings, name);
    const before = node.holdings.get(file)?.listings;
    const isAlias = before !== undefined && findListing(before, name) === undefined;
    if (isAlias) requirePlace(node, this.#limits);
    const besides = (known === undefined ? listingCost(name) : 0) + (isAlias ? ALIAS_COST : 0);
    const holding = this.#hold(node, file, { blockSize, have, besides });
    if (before !== undefined && !isAlias) return;
    this.#addName(holding, known ?? this.#addListing(file, name));
  }

  /**
   * Takes note of what a node holds of a file, which may be new. Throws a `Refusal` when a limit is reached,
   * with `besides` bytes needed for something else; nothing has changed then.
   */
  #hold(node: SwarmNode, file: SwarmFile, held: Held & { readonly besides?: number }): Holding {
    const { blockSize, have, besides = 0 } = held;
    const before = node.holdings.get(file);
    if (before === undefined) requirePlace(node, this.#limits);
    const cost = before === undefined ? HOLDING_COST : -before.have.bits.length;
    const fileCost = file.holders.count === 0 ? FILE_COST : 0;
    this.#memory.requireRoom(have.bits.length + cost + fileCost + besides);

    const holding = before ?? this.#addHolding(node, file);
    this.#memory.add(have.bits.length - holding.have.bits.length);
    holding.blockSize = blockSize;
    file.holders.update(holding, have);
    this.#observer?.holdingChanged(holding);
    return holding;
  }

  #addFile(file: SwarmFile): void {
    this.#fileSerial = Math.max(this.#fileSerial, file.serial);
    this.#files.add(file);
    this.#memory.add(FILE_COST);
    this.#observer?.fileListed(file);
  }

  #addHolding(node: SwarmNode, file: SwarmFile): Holding {
    if (file.holders.count === 0) this.#addFile(file);
    const { blockSize } = file;
    const listings = undefined;
    const holding = { node, file, listings, blockSize, have: HAVE_NONE, place: -1, gone: false };
    node.holdings.set(file, holding);
    node.fileCount++;
    file.holders.add(holding);
    this.#memory.add(HOLDING_COST);
    return holding;
  }

  #addListing(file: SwarmFile, name: string): Listing {
    const listing = { serial: ++this.#listingSerial, file, name, nodeCount: 0, gone: false };
    file.listings = withListing(file.listings, listing);
    this.#files.addListing(listing);
    this.#memory.add(listingCost(name));
    return listing;
  }

  /** A node has a file under one more name; the first of its names is counted with the holding. */
  #addName(holding: Holding, listing: Listing): void {
    if (holding.listings !== undefined) {
      holding.node.fileCount++;
      this.#memory.add(ALIAS_COST);
    }
    holding.listings = withListing(holding.listings, listing);
    listing.nodeCount++;
    this.#observer?.nameChanged(holding, listing);
  }

  #withdrawName(holding: Holding, name: string): void {
    const listing = findListing(holding.listings, name);
    // Either the only name, or there was none in the first place.
    if (listing === holding.listings) this.#dropHolding(holding);
    else if (listing !== undefined) this.#dropAlias(holding, listing);
  }

  /** Forgets one of several names that a node has a file under. */
  #dropAlias(holding: Holding, listing: Listing): void {
    holding.node.fileCount--;
    this.#memory.add(-ALIAS_COST);
    holding.listings = withoutListing(holding.listings, listing);
    this.#release(listing);
    this.#observer?.nameChanged(holding, listing);
  }

  /** One node less has a file under this name. */
  #release(listing: Listing): void {
    listing.nodeCount--;
    if (listing.nodeCount > 0) return;
    const { file, name } = listing;
    listing.gone = true;
    file.listings = withoutListing(file.listings, listing);
    this.#files.removeListing(listing);
    this.#memory.add(-listingCost(name));
  }

  #dropHolding(holding: Holding): void {
    const { node, file, have, listings } = holding;
    holding.gone = true;
    node.holdings.delete(file);
    node.fileCount -= 1 + aliasCount(listings);
    this.#memory.add(-HOLDING_COST - ALIAS_COST * aliasCount(listings) - have.bits.length);
    file.holders.remove(holding);
    for (const listing of eachListing(listings)) this.#release(listing);
    this.#observer?.holdingDropped(holding);
    if (file.holders.count === 0) this.#dropFile(file);
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
    { asker, countMax }: { readonly asker: SwarmNode | undefined; readonly countMax: number },
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
  return {
    serial,
    id,
    size,
    blockSize,
    publisher,
    holders: new Holders(),
    listings: undefined,
    gone: false,
  };
}

/** In which blocks a node counts what it holds of a file. */
function blockSizeOf(file: SwarmFile, node: SwarmNode | undefined): number {
  return node?.holdings.get(file)?.blockSize ?? file.blockSize;
}
