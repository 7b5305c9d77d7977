/**
 * The cache of known contents in a file: one line for each file of the folder,
 *
 *     ID STAMP PATH
 *
 * of which the last one with a path counts. What is remembered is appended and not kept in memory, so a run that is
 * killed has not worked in vain, and a first run of any size takes little. It is found from the next look on.
 * Where most lines are outdated the file is written anew. One that is damaged, of another version or too long counts
 * as empty; one that cannot be written is done without.
 */

import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import { removeFiles } from "./stage_contents.ts";

const HEADER = "p2pnode known contents 2\n";
/** Some million files. */
const FILE_SIZE_MAX = 400 * 1024 * 1024;
/** A stamp that equals no other (file_state.ts) is not worth a line. */
const RACY = ".racy";
/** Where the stamp starts in a line, behind the id in hexadecimal digits. */
const STAMP_AT = 65;
/** Characters that are written at once. */
const WRITE_LENGTH = 256 * 1024;
/** Outdated lines that are not worth writing the others again. */
const OUTDATED_MIN = 1000;

const encoder = new TextEncoder();

export class KnownFile implements KnownContents {
  readonly #path: string;
  readonly #isReadOnly: boolean;
  /** By path, the line without it. */
  #known = new Map<string, string>();
  /** Lines in the file, or on their way to it. */
  #lineCount = 0;
  /** Something was remembered since the file was read. */
  #isOutdated = true;
  /** Whether the file is one of ours, so that lines may be appended. */
  #isUsable = false;
  /** Lines that are not in the file yet. */
  #pending = "";

  constructor(path: string, options: { readonly isReadOnly: boolean }) {
    this.#path = path;
    this.#isReadOnly = options.isReadOnly;
  }

  find(path: string, stamp: string): Uint8Array | undefined {
    const known = this.#known.get(path);
    const isKnown = known !== undefined && known.length === STAMP_AT + stamp.length &&
      known.endsWith(stamp);
    return isKnown ? fromHex(known.slice(0, STAMP_AT - 1)) : undefined;
  }

  remember(path: string, stamp: string, id: Uint8Array): void {
    if (this.#isReadOnly || stamp.includes(RACY)) return;
    this.#isOutdated = true;
    this.#lineCount++;
    this.#pending += `${toHex(id)} ${stamp} ${path}\n`;
    if (this.#pending.length >= WRITE_LENGTH) this.flush();
  }

  keepOnly(start: string, present: { has(path: string): boolean }): void {
    if (this.#isOutdated) this.#read();
    const below = start === "" ? "" : `${start}/`;
    for (const path of this.#known.keys()) {
      const isAtStart = path === start || path.startsWith(below);
      if (isAtStart && !present.has(path)) this.#known.delete(path);
    }
    if (this.#lineCount > 2 * this.#known.size + OUTDATED_MIN) this.#writeAnew();
  }

  /** Writes what is left to be written. */
  flush(): void {
    if (this.#pending === "" || this.#isReadOnly) return;
    const isWritten = this.#isUsable
      ? write(this.#path, this.#pending, { append: true })
      : write(this.#path, HEADER + this.#pending, { truncate: true });
    this.#isUsable ||= isWritten;
    // What was written in part ends here.
    this.#pending = isWritten ? "" : "\n";
  }

  /** Learns what is in the file. */
  #read(): void {
    this.flush();
    const text = readText(this.#path);
    this.#known = new Map();
    this.#lineCount = 0;
    this.#isOutdated = false;
    this.#isUsable = text.startsWith(HEADER);
    if (!this.#isUsable) return;
    for (let start = HEADER.length; start < text.length;) {
      const newline = text.indexOf("\n", start);
      const end = newline === -1 ? text.length : newline;
      this.#take(text.slice(start, end));
      start = end + 1;
    }
    if (!text.endsWith("\n")) this.#pending = "\n";
  }

  #take(line: string): void {
    this.#lineCount++;
    // A path may have spaces, a stamp has none.
    const space = line.indexOf(" ", STAMP_AT);
    if (line[STAMP_AT - 1] !== " " || space === -1) return;
    this.#known.set(line.slice(space + 1), line.slice(0, space));
  }

  #writeAnew(): void {
    if (this.#isReadOnly) return;
    const temporary = `${this.#path}.new`;
    let isWritten = write(temporary, HEADER, { truncate: true });
    let lines = "";
    for (const [path, known] of this.#known) {
      lines += `${known} ${path}\n`;
      if (lines.length < WRITE_LENGTH) continue;
      isWritten &&= write(temporary, lines, { append: true });
      lines = "";
    }
    isWritten &&= write(temporary, lines, { append: true });
    if (isWritten && takesPlace(temporary, this.#path)) this.#lineCount = this.#known.size;
    else removeFiles([temporary]);
  }
}

/** Writes a text, or a part of it. False where that is not possible. */
function write(path: string, text: string, options: Deno.OpenOptions): boolean {
  const bytes = encoder.encode(text);
  try {
    using file = Deno.openSync(path, { write: true, create: true, ...options });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    return true;
  } catch {
    return false;
  }
}

/** Renames a file. False where that is not possible. */
function takesPlace(from: string, to: string): boolean {
  try {
    Deno.renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile && info.size <= FILE_SIZE_MAX ? Deno.readTextFileSync(path) : "";
  } catch {
    return "";
  }
}
