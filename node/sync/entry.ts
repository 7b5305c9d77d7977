/** What is at a path of a synced folder: the unit that server and devices tell each other of. */

import { fromHex, sameBytes, toHex } from "../../protocol/bytes.ts";
import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { BodyOf } from "../../protocol/messages.ts";
import { checkName } from "../../protocol/path.ts";
import { countsOf, versionOf } from "./version.ts";
import type { ReplicaId, Version } from "./version.ts";

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
export function toWire({ version, ...entry }: Entry): WireEntry {
  const counts = [...countsOf(version)];
  return {
    ...entry,
    version: counts.map(([replica, count]) => ({ replica: fromHex(replica), count })),
  };
}

/**
 * Checks and takes an entry that came over the wire. Throws a `ProtocolError` where its path is not safe, it
 * is no file and yet has bytes, or its version is not in its one form.
 */
export function fromWire({ version, ...entry }: WireEntry): Entry {
  checkName(entry.path);
  const isBare = entry.size === 0 && !entry.executable && sameBytes(entry.id, NO_ID);
  if (entry.kind !== "file" && !isBare) throw malformed(entry, "it is no file and has bytes");
  const counts = new Map<ReplicaId, number>();
  let last = "";
  for (const { replica, count } of version) {
    const name = toHex(replica);
    if (name <= last || count === 0) throw malformed(entry, "its version is out of order");
    counts.set(name, count);
    last = name;
  }
  return { ...entry, version: versionOf(counts) };
}

function malformed({ path }: Pick<WireEntry, "path">, reason: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot take the entry ${path}: ${reason}`);
}
