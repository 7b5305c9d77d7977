/** What the registry tells of every change, so that a copy can be kept, and what it takes over from one. */

import type { Address } from "../protocol/ports.ts";
import type { Holding, Listing, SwarmFile, SwarmNode } from "./entries.ts";

/** Is told of every change. */
export interface RegistryObserver {
  nodeListed(node: SwarmNode): void;
  /** The node is gone, and all its holdings with it. */
  nodeDropped(node: SwarmNode): void;
  fileListed(file: SwarmFile): void;
  fileDropped(file: SwarmFile): void;
  /** What a node holds of a file is new, or more or less. */
  holdingChanged(holding: Holding): void;
  /** A node has a file under one more name, or no longer under one of several. */
  nameChanged(holding: Holding, listing: Listing): void;
  /** The node does not hold the file any more, under whatever name. */
  holdingDropped(holding: Holding): void;
}

/** A node from an earlier run. */
export interface SavedNode {
  readonly serial: number;
  readonly nodeId: Uint8Array;
  readonly address: Address;
}

/** What a node held of a file in an earlier run. */
export interface SavedHolding {
  readonly blockSize: number;
  /** As on the wire; `undefined` for no block. */
  readonly have: Uint8Array | undefined;
}

/** A file from an earlier run. */
export type SavedFile = Pick<SwarmFile, "serial" | "id" | "size" | "blockSize" | "publisher">;
