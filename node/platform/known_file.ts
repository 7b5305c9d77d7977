/**
 * The cache of known contents in a file: one line for each file of the folder,
 *
 *     ID STAMP PATH
 *
 * read when the folder is opened and written again as a whole when the work is done. A file that is damaged, of
 * another version or too long counts as empty.
 */

import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import { reasonOf } from "./disk_failure.ts";

const HEADER = "p2pnode known contents 1";
/** Some million files. */
const FILE_SIZE_MAX = 400 * 1024 * 1024;
/** A stamp that equals no other (file_state.ts) is not worth a line. */
const RACY = ".racy";

interface Known {
  readonly stamp: string;
  /** In hexadecimal digits. */
  readonly id: string;
}

export class KnownFile implements KnownContents {
  readonly #path: string;
  readonly #known: Map<string, Known>;
  #isChanged = false;

  /** Reads what is known. A file that cannot be read is one in which nothing is known. */
  constructor(path: string) {
    this.#path = path;
    this.#known = readKnown(path);
  }

  find(path: string, stamp: string): Uint8Array | undefined {
    const known = this.#known.get(path);
    return known?.stamp === stamp ? fromHex(known.id) : undefined;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    if (stamp.includes(RACY)) return;
    this.#known.set(path, { stamp, id: toHex(id) });
    this.#isChanged = true;
  }

  keepOnly(start: string, present: { has(path: string): boolean }): void {
    const below = start === "" ? "" : `${start}/`;
    for (const path of this.#known.keys()) {
      if (path !== start && !path.startsWith(below) || present.has(path)) continue;
      this.#known.delete(path);
      this.#isChanged = true;
    }
  }

  /** Writes what is known, if that is not in the file already. Throws `Cannot write PATH: reason`. */
  save(): void {
    if (!this.#isChanged) return;
    const temporary = `${this.#path}.new`;
    const lines = [HEADER];
    for (const [path, { stamp, id }] of this.#known) lines.push(`${id} ${stamp} ${path}`);
    try {
      Deno.writeTextFileSync(temporary, `${lines.join("\n")}\n`);
      Deno.renameSync(temporary, this.#path);
    } catch (error) {
      throw new Error(`Cannot write ${this.#path}: ${reasonOf(error)}`);
    }
    this.#isChanged = false;
  }
}

function readKnown(path: string): Map<string, Known> {
  const known = new Map<string, Known>();
  const [header, ...lines] = readText(path).split("\n");
  if (header !== HEADER) return known;
  for (const line of lines) {
    // A path may have spaces, a stamp has none.
    const end = line.indexOf(" ", 65);
    if (line[64] !== " " || end === -1) continue;
    known.set(line.slice(end + 1), { id: line.slice(0, 64), stamp: line.slice(65, end) });
  }
  return known;
}

function readText(path: string): string {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile && info.size <= FILE_SIZE_MAX ? Deno.readTextFileSync(path) : "";
  } catch {
    return "";
  }
}
