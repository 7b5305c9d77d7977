/** What the registry keeps: nodes, files, and which node holds what of which file. */

import type { Have } from "./have.ts";
import type { Holders } from "./holders.ts";
import type { Listed } from "./serial_list.ts";

/** What names a file: its BEP 52 root and its length in bytes. */
export interface FileRef {
  readonly id: Uint8Array;
  readonly size: number;
}

/** What a node says of a file that it holds, without what it holds of it. */
export interface FileDescription extends FileRef {
  readonly name: string;
  readonly blockSize: number;
  readonly publisher: Uint8Array;
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
  gone: boolean;
}

/** A file that somebody holds, or wants. Described as by the first node that announced it. */
export interface SwarmFile extends Listed, FileRef {
  /** The names that it was announced under; the first is the one that is shown. */
  readonly names: string[];
  readonly blockSize: number;
  readonly publisher: Uint8Array;
  readonly holders: Holders;
  gone: boolean;
}

/** What one node holds of one file. */
export interface Holding {
  readonly node: SwarmNode;
  readonly file: SwarmFile;
  /** The block size that the node's bitfields are counted in. Usually the file's. */
  blockSize: number;
  have: Have;
  /** Where it stands among the file's holders; -1 when it has no block. */
  place: number;
  gone: boolean;
}
