/** The files of old versions on the local disk. */

import type { Trash } from "../sync/server/ports.ts";

export interface LocalTrash extends Trash {}
export declare class LocalTrash {
  /** The trash in the folder at `path`, which is made if it is missing. Throws `Cannot write into PATH: reason`. */
  constructor(path: string);
}
