/**
 * What has changed in the registry since it was last saved: each entry once, however often it changed.
 *
 * Entries are kept as they are in the registry, so whoever saves them writes what they hold by then, and
 * skips those that are gone by then.
 */

import type { Holding, Listing, Listings, SwarmFile, SwarmNode } from "./entries.ts";
import { eachListing, withListing } from "./listings.ts";
import type { RegistryObserver } from "./registry_copy.ts";

/** Entries to write, and entries to delete. */
class ChangeSet {
  readonly nodes = new Set<SwarmNode>();
  readonly files = new Set<SwarmFile>();
  readonly holdings = new Set<Holding>();
  /** The names under which nodes have files now, or have them no longer. */
  readonly names = new Map<Holding, Listings>();
  readonly droppedNodes = new Set<SwarmNode>();
  readonly droppedFiles = new Set<SwarmFile>();
  readonly droppedHoldings = new Set<Holding>();
}

export type { ChangeSet };

export class Changes implements RegistryObserver {
  #set = new ChangeSet();

  /** Hands over what has changed so far, and starts anew. */
  take(): ChangeSet {
    const taken = this.#set;
    this.#set = new ChangeSet();
    return taken;
  }

  /** Takes back what could not be saved. */
  putBack(taken: ChangeSet): void {
    addAll(this.#set.nodes, taken.nodes);
    addAll(this.#set.files, taken.files);
    addAll(this.#set.holdings, taken.holdings);
    for (const [holding, listings] of taken.names) {
      for (const listing of eachListing(listings)) this.nameChanged(holding, listing);
    }
    addAll(this.#set.droppedNodes, taken.droppedNodes);
    addAll(this.#set.droppedFiles, taken.droppedFiles);
    addAll(this.#set.droppedHoldings, taken.droppedHoldings);
  }

  nodeListed(node: SwarmNode): void {
    this.#set.nodes.add(node);
  }

  nodeDropped(node: SwarmNode): void {
    this.#set.droppedNodes.add(node);
  }

  fileListed(file: SwarmFile): void {
    this.#set.files.add(file);
  }

  fileDropped(file: SwarmFile): void {
    this.#set.droppedFiles.add(file);
  }

  holdingChanged(holding: Holding): void {
    this.#set.holdings.add(holding);
  }

  nameChanged(holding: Holding, listing: Listing): void {
    const { names } = this.#set;
    names.set(holding, withListing(names.get(holding), listing));
  }

  /** The holdings of a node that is gone go with the node. */
  holdingDropped(holding: Holding): void {
    if (!holding.node.gone) this.#set.droppedHoldings.add(holding);
  }
}

function addAll<T>(to: Set<T>, from: ReadonlySet<T>): void {
  for (const item of from) to.add(item);
}
