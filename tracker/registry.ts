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
import type { FileDescription, FileRef, Holding, SwarmFile, SwarmNode } from "./entries.ts";
import { FileIndex } from "./file_index.ts";
import type { Have } from "./have.ts";
import { blockCount, HAVE_ALL, HAVE_NONE, readHave } from "./have.ts";
import { Holders } from "./holders.ts";
import { fileAnswer, nodeAnswer, PAGE_COUNT_MAX } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { SerialList } from "./serial_list.ts";

/** A file as a node announces it: what it is, and which blocks of it the node holds. */
export type AnnouncedFile = BodyOf<"announce">["files"][number];

export interface RegistryLimits {
  /** How many files one node may hold. */
  readonly filesPerNode: number;
  /** How many bytes all entries may take, counted with the costs below. */
  readonly memory: number;
}

export const DEFAULT_LIMITS: RegistryLimits = { filesPerNode: 1_000_000, memory: 2 ** 30 };

/** What entries take in memory, in bytes, without names and bitfields: measured, and rounded up. */
export const NODE_COST = 1024;
export const FILE_COST = 1536;
export const HOLDING_COST = 192;

/** Is told of every change, for keeping a copy. */
export interface RegistryObserver {
  nodeListed(node: SwarmNode): void;
  /** The node is gone, and all its holdings with it. */
  nodeDropped(node: SwarmNode): void;
  /** The file is new, or has one more name. */
  fileListed(file: SwarmFile): void;
  fileDropped(file: SwarmFile): void;
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

/** A file from an earlier run. */
export interface SavedFile extends Omit<FileDescription, "name"> {
  readonly serial: number;
  readonly names: readonly string[];
}

/** What a node held of one file. */
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
  #memory = 0;

  constructor({ random, limits = DEFAULT_LIMITS, observer }: RegistryOptions) {
    this.#random = random;
    this.#limits = limits;
    this.#observer = observer;
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  get fileCount(): number {
    return this.#files.count;
  }

  /** Bytes that all entries take, as they are counted against the limit. */
  get memory(): number {
    return this.#memory;
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
    this.#memory -= NODE_COST;
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
    files.forEach((file, i) => this.#announceOne(node, file, held[i]!));
  }

  /** Takes files from those that a node holds. */
  withdraw(node: SwarmNode, files: readonly FileRef[]): void {
    for (const ref of files) {
      const file = this.#files.find(ref);
      const holding = file && node.holdings.get(file);
      if (holding !== undefined) this.#dropHolding(holding);
    }
  }

  /**
   * A node tells which blocks of a file it holds by now; answers who else does. Throws a `ProtocolError`
   * for a bitfield that does not fit, and a `Refusal` when nobody has announced the file or a limit is
   * reached.
   */
  progress(node: SwarmNode, { id, size, have }: BodyOf<"progress">): BodyOf<"holders"> {
    const file = this.#findFile({ id, size });
    const { blockSize } = node.holdings.get(file) ?? file;
    this.#setHolding(node, file, { blockSize, have: readHave(have, size, blockSize) });
    return this.#holdersOf(file, node);
  }

  /**
   * A node tells that it holds files completely. Throws a `Refusal` when nobody has announced one of them
   * or a limit is reached; those before it are taken note of then.
   */
  finish(node: SwarmNode, files: readonly FileRef[]): void {
    for (const ref of files) {
      const file = this.#findFile(ref);
      const { blockSize } = node.holdings.get(file) ?? file;
      this.#setHolding(node, file, { blockSize, have: HAVE_ALL });
    }
  }

  /** Who holds a file, besides the node that asks. Throws a `Refusal` when nobody has announced it. */
  findHolders(ref: FileRef, asker: SwarmNode | undefined): BodyOf<"holders"> {
    return this.#holdersOf(this.#findFile(ref), asker);
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

  /**
   * Lists what a node held of a file in an earlier run; `have` is as on the wire, and `undefined` for
   * nothing. Throws a `ProtocolError` when it makes no sense.
   */
  restoreHolding(
    node: SwarmNode,
    file: SavedFile,
    saved: { readonly blockSize: number; readonly have: Uint8Array | undefined },
  ): void {
    const { blockSize, have } = saved;
    blockCount(file.size, file.blockSize);
    const held = have === undefined ? HAVE_NONE : readHave(have, file.size, blockSize);
    const known = this.#files.find(file);
    const listed = known ?? makeFile({ ...file, names: file.names.map(checkName) });
    this.#setHolding(node, listed, { blockSize, have: held });
    if (known === undefined) this.#addFile(listed);
  }

  #addNode({ serial, nodeId, address }: SavedNode, heardMs: number): SwarmNode {
    this.#requireRoom(NODE_COST);
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
      gone: false,
    };
    this.#nodeSerial = Math.max(this.#nodeSerial, serial);
    this.#nodes.set(key, node);
    this.#nodeList.add(node);
    this.#memory += NODE_COST;
    this.#observer?.nodeListed(node);
    return node;
  }

  #announceOne(node: SwarmNode, described: FileDescription, held: Held): void {
    const known = this.#files.find(described);
    if (known === undefined) {
      const file = makeFile({
        ...described,
        serial: this.#fileSerial + 1,
        names: [described.name],
      });
      this.#requireRoom(fileCost(file));
      this.#setHolding(node, file, held);
      this.#addFile(file);
    } else {
      this.#setHolding(node, known, held);
      if (this.#files.addName(known, described.name)) {
        this.#memory += nameCost(described.name);
        this.#observer?.fileListed(known);
      }
    }
  }

  #addFile(file: SwarmFile): void {
    this.#fileSerial = Math.max(this.#fileSerial, file.serial);
    this.#files.add(file);
    this.#memory += fileCost(file);
    this.#observer?.fileListed(file);
  }

  /** Takes note of what a node holds of a file now. Throws a `Refusal` when a limit is reached. */
  #setHolding(node: SwarmNode, file: SwarmFile, { blockSize, have }: Held): void {
    const before = node.holdings.get(file);
    const growth = have.bits.length - (before?.have.bits.length ?? -HOLDING_COST);
    if (growth > 0) this.#requireRoom(growth);
    const holding = before ?? this.#addHolding(node, file);
    this.#memory += growth;
    holding.blockSize = blockSize;
    file.holders.update(holding, have);
    this.#observer?.holdingChanged(holding);
  }

  #addHolding(node: SwarmNode, file: SwarmFile): Holding {
    const { filesPerNode } = this.#limits;
    if (node.holdings.size >= filesPerNode) {
      throw new Refusal(
        ErrorCode.limit,
        `Cannot list more files: the limit is ${filesPerNode} a node`,
      );
    }
    const { blockSize } = file;
    const holding: Holding = { node, file, blockSize, have: HAVE_NONE, place: -1, gone: false };
    node.holdings.set(file, holding);
    file.holders.add(holding);
    return holding;
  }

  #dropHolding(holding: Holding): void {
    const { node, file, have } = holding;
    holding.gone = true;
    node.holdings.delete(file);
    file.holders.remove(holding);
    this.#memory -= HOLDING_COST + have.bits.length;
    this.#observer?.holdingDropped(holding);
    if (file.holders.count === 0) this.#dropFile(file);
  }

  #dropFile(file: SwarmFile): void {
    file.gone = true;
    this.#files.remove(file);
    this.#memory -= fileCost(file);
    this.#observer?.fileDropped(file);
  }

  #findFile(ref: FileRef): SwarmFile {
    const file = this.#files.find(ref);
    if (file === undefined) {
      throw new Refusal(ErrorCode.absent, "Cannot find file: nobody has announced it");
    }
    return file;
  }

  #holdersOf(file: SwarmFile, asker: SwarmNode | undefined): BodyOf<"holders"> {
    const { holders } = file;
    const { blockSize } = asker?.holdings.get(file) ?? file;
    return {
      seeders: holders.seederCount,
      leechers: holders.leecherCount,
      holders: holders.sample({ asker, blockSize, random: this.#random }),
    };
  }

  #requireRoom(size: number): void {
    if (this.#memory + size > this.#limits.memory) {
      throw new Refusal(ErrorCode.limit, "Cannot list more: the tracker's memory is used up");
    }
  }
}

function makeFile(saved: SavedFile): SwarmFile {
  const { serial, id, size, names, blockSize, publisher } = saved;
  return {
    serial,
    id,
    size,
    names: [...names],
    blockSize,
    publisher,
    holders: new Holders(),
    gone: false,
  };
}

function fileCost({ names }: SwarmFile): number {
  return names.reduce((sum, name) => sum + nameCost(name), FILE_COST);
}

/** A name takes two bytes a character at most. */
function nameCost(name: string): number {
  return 2 * name.length;
}
