/** What the registry keeps: nodes, files, their names, and which node holds what of which file. */

import type { Have } from "./have.ts";
import type { Holders } from "./holders.ts";
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
  /** How many files it has, each counted as often as it has names. */
  fileCount: number;
  gone: boolean;
}

/** A content that somebody holds, or wants. Described as by the first node that announced it. */
export interface SwarmFile extends FileRef {
  /** Different for each file. */
  readonly serial: number;
  readonly blockSize: number;
  readonly publisher: Uint8Array;
  /** By name: under which names it is listed. There is always at least one. */
  readonly listings: Map<string, Listing>;
  readonly holders: Holders;
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

/** What one node holds of one file. */
export interface Holding {
  readonly node: SwarmNode;
  readonly file: SwarmFile;
  /** Under which names the node has the file: one, nearly always. */
  listings: Listing[];
  /** The block size that the node's bitfields are counted in. Usually the file's. */
  blockSize: number;
  have: Have;
  /** Where it stands among the file's holders; -1 when it has no block. */
  place: number;
  gone: boolean;
}
