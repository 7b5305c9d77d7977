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
import { removeFiles } from "./stage_contents.ts";

const HEADER = "p2pnode known contents 1";
/** Some million files. */
const FILE_SIZE_MAX = 400 * 1024 * 1024;
/** A stamp that equals no other (file_state.ts) is not worth a line. */
const RACY = ".racy";

/** Characters that are written at once. */
const WRITE_LENGTH = 256 * 1024;
const encoder = new TextEncoder();

/** Where the stamp starts in a line, behind the id in hexadecimal digits. */
const STAMP_AT = 65;

export class KnownFile implements KnownContents {
  readonly #path: string;
  /** By path, the line without it. */
  readonly #known: Map<string, string>;
  #isChanged = false;

  /** Reads what is known. A file that cannot be read is one in which nothing is known. */
  constructor(path: string) {
    this.#path = path;
    this.#known = readKnown(path);
  }

  find(path: string, stamp: string): Uint8Array | undefined {
    const known = this.#known.get(path);
    const isKnown = known !== undefined && known.length === STAMP_AT + stamp.length &&
      known.endsWith(stamp);
    return isKnown ? fromHex(known.slice(0, STAMP_AT - 1)) : undefined;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    if (stamp.includes(RACY)) return;
    this.#known.set(path, `${toHex(id)} ${stamp}`);
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

  /** Writes what is known, if that is not in the file already. On a full disk, what was known before stays. */
  save(): void {
    if (!this.#isChanged) return;
    const temporary = `${this.#path}.new`;
    try {
      this.#write(temporary);
      Deno.renameSync(temporary, this.#path);
      this.#isChanged = false;
    } catch {
      removeFiles([temporary]);
    }
  }

  /** Some lines at a time, as all together take much memory. */
  #write(path: string): void {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true });
    let lines = `${HEADER}\n`;
    const flush = () => {
      const bytes = encoder.encode(lines);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      lines = "";
    };
    for (const [name, known] of this.#known) {
      lines += `${known} ${name}\n`;
      if (lines.length >= WRITE_LENGTH) flush();
    }
    flush();
  }
}

function readKnown(path: string): Map<string, string> {
  const known = new Map<string, string>();
  const text = readText(path);
  if (!text.startsWith(`${HEADER}\n`)) return known;
  for (let start = HEADER.length + 1; start < text.length;) {
    let end = text.indexOf("\n", start);
    if (end === -1) end = text.length;
    // A path may have spaces, a stamp has none.
    const space = text.indexOf(" ", start + STAMP_AT);
    if (text[start + STAMP_AT - 1] === " " && space !== -1 && space < end) {
      known.set(text.slice(space + 1, end), text.slice(start, space));
    }
    start = end + 1;
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
