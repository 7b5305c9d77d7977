/** What the registry keeps: nodes, files, their names, and which node holds what of which file. */

import type { Holder, Holders } from "./holders.ts";
import type { Listed } from "./serial_list.ts";

/** What names a content: its BEP 52 root and its length in bytes. */
export interface FileRef {
  readonly id: Uint8Array;
  readonly size: number;
}

/** An active node. */
export interface SwarmNode extends Listed {
  /** Its public key, which it has proved to have. */
  readonly nodeId: Uint8Array;
  /** The node id in hexadecimal. */
  readonly key: string;
  /** The address that the tracker observed. */
  readonly host: string;
  /** The port that it says it listens on. */
  readonly port: number;
  /** When it was last heard, on the tracker's clock. */
  heardMs: number;
  readonly holdings: Map<SwarmFile, Holding>;
  /** How many files it has; one that it has under several names counts for each of them. */
  fileCount: number;
  gone: boolean;
}

/** A content that somebody holds, or wants. Described as by the first node that announced it. */
export interface SwarmFile extends FileRef {
  /** Different for each file. */
  readonly serial: number;
  readonly blockSize: number;
  readonly publisher: Uint8Array;
  readonly holders: Holders;
  /** The names that nodes have it under. */
  listings: Listings;
  gone: boolean;
}

/** A file under one of its names, as lists of files show it. */
export interface Listing extends Listed {
  readonly file: SwarmFile;
  readonly name: string;
  /** How many nodes have it under this name. */
  nodeCount: number;
  gone: boolean;
}

/** The names of a file, or those that one node has it under: none, one, or at least two by name. */
export type Listings = undefined | Listing | Map<string, Listing>;

/** What one node holds of one file. */
export interface Holding extends Holder {
  readonly node: SwarmNode;
  readonly file: SwarmFile;
  /** The names that the node has the file under: none when it has only reported its blocks. */
  listings: Listings;
  gone: boolean;
}
