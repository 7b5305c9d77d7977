/** What a liar of the simulation and its lies have in common: the files it claims, its talks, its ways. */

import type { Manifest } from "../../node/content/manifest.ts";
import type { FileKey } from "../../node/swarm/catalog.ts";
import type { Connection } from "../../protocol/connection.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import type { Dice } from "./dice.ts";
import type { SharedFile } from "./library.ts";
import type { Duplex } from "../../protocol/ports.ts";

/** A file as the liar has it. */
export interface LiarsFile {
  readonly file: SharedFile;
  readonly manifest: Manifest;
}

/** One conversation of a liar with an honest peer. */
export interface Talk {
  readonly connection: Connection;
  readonly stream: Duplex;
  readonly dice: Dice;
  readonly files: ReadonlyMap<FileKey, LiarsFile>;
  sleep(ms: number): Promise<void>;
}

/** One way to lie. */
export interface Lie {
  readonly name: string;
  /** What it announces of a file to the tracker, if not the truth. */
  listed?(manifest: Manifest, dice: Dice): Manifest;
  /** What it does instead of a greeting. */
  greet?(talk: Talk): Promise<void>;
  /** What it does of its own accord, once it is linked. */
  linked?(talk: Talk): Promise<void>;
  answer(talk: Talk, frame: Frame): Promise<void>;
}
