/** What is at a path of a synced folder: the unit that server and devices tell each other of. */

import { fromHex, sameBytes, toHex } from "../../protocol/bytes.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { BodyOf } from "../../protocol/messages.ts";
import { checkName } from "../../protocol/path.ts";
import { countsOf, NO_VERSION } from "./version.ts";
import type { Version } from "./version.ts";

/** Nothing (a tombstone, when there was something before), a regular file, or a folder. */
export type Kind = "absent" | "file" | "folder";

/** What is at a path, whatever its history. */
export interface State {
  readonly kind: Kind;
  /** BEP 52 root of a file, 32 bytes; zeros for anything else. */
  readonly id: Uint8Array;
  /** Length of a file in bytes; 0 for anything else. */
  readonly size: number;
  /** Whether a file's owner may execute it. */
  readonly executable: boolean;
}

/** A path, what is there, and which changes led to it. */
export interface Entry extends State {
  /** A safe name (protocol/path.ts), relative to the synced folder. */
  readonly path: string;
  readonly version: Version;
}

const NO_ID = new Uint8Array(32);

/** Nothing is there. */
export const ABSENT: State = { kind: "absent", id: NO_ID, size: 0, executable: false };
/** A folder is there. */
export const FOLDER: State = { kind: "folder", id: NO_ID, size: 0, executable: false };

/** Whether both are the same, bytes and all. */
export function sameState(a: State, b: State): boolean {
  return a.kind === b.kind && a.size === b.size && a.executable === b.executable &&
    sameBytes(a.id, b.id);
}

/** An entry as it travels. */
export type WireEntry = BodyOf<"entries">["entries"][number];

/** The entry in the form in which it travels. */
export function toWire({ path, kind, id, size, executable, version }: Entry): WireEntry {
  return { path, kind, id, size, executable, version: wireVersionOf(version) };
}

/** Of many entries that are told together most have the same version: the last one is not made again. */
let lastVersion: { readonly text: Version; readonly wire: WireEntry["version"] } = {
  text: NO_VERSION,
  wire: [],
};

function wireVersionOf(text: Version): WireEntry["version"] {
  if (lastVersion.text !== text) {
    const counts = [...countsOf(text)];
    const wire = counts.map(([replica, count]) => ({ replica: fromHex(replica), count }));
    lastVersion = { text, wire };
  }
  return lastVersion.wire;
}

/**
 * Checks and takes an entry that came over the wire. Throws a `ProtocolError` where its path is not safe, it
 * is no file and yet has bytes, or its version is not in its one form.
 */
export function fromWire(entry: WireEntry): Entry {
  const { path, kind, id, size, executable } = entry;
  checkName(path);
  const isBare = size === 0 && !executable && sameBytes(id, NO_ID);
  if (kind !== "file" && !isBare) throw malformed(entry, "it is no file and has bytes");
  return { path, kind, id, size, executable, version: versionIn(entry) };
}

function versionIn(entry: WireEntry): Version {
  const pairs: string[] = [];
  let last = "";
  for (const { replica, count } of entry.version) {
    const name = toHex(replica);
    if (name <= last || count === 0) throw malformed(entry, "its version is out of order");
    pairs.push(`${name}:${count}`);
    last = name;
  }
  return pairs.join();
}

function malformed({ path }: Pick<WireEntry, "path">, reason: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot take the entry ${path}: ${reason}`);
}
