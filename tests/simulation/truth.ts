/** What an honest holder answers; lies begin with it and change a part. */

import { Bitfield } from "../../protocol/bitfield.ts";
import type { Connection } from "../../protocol/connection.ts";
import { ErrorCode } from "../../protocol/errors.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import type { Manifest } from "../../node/content/manifest.ts";
import { sizeOfBlock } from "../../node/content/tree.ts";
import { fileKey } from "../../node/swarm/catalog.ts";
import type { FileId } from "../../node/swarm/catalog.ts";
import type { LiarsFile, Talk } from "./liar_talk.ts";

/** Answers a request truthfully. */
export async function tellTruth(talk: Talk, { message, request }: Frame): Promise<void> {
  const { connection } = talk;
  switch (message.type) {
    case "open": {
      const have = fileOf(talk, message) === undefined ? undefined : new Uint8Array(0);
      if (have === undefined) return sayAbsent(connection, request);
      return connection.send({ type: "opened", have }, request);
    }
    case "getManifest": {
      const known = fileOf(talk, message);
      if (known === undefined) return sayAbsent(connection, request);
      return await sendManifest(connection, request, known.manifest);
    }
    case "getBlock": {
      const known = fileOf(talk, message);
      if (known === undefined) return sayAbsent(connection, request);
      return await sendBlock(connection, request, blockOf(known, message.index));
    }
    case "getWhole":
      for (const [position, id] of message.files.entries()) {
        const known = fileOf(talk, id);
        if (known === undefined) connection.send({ type: "missing", position }, request);
        else await sendWhole(connection, request, { ...wholeOf(known), position });
      }
  }
}

export function fileOf({ files }: Talk, id: FileId): LiarsFile | undefined {
  return files.get(fileKey(id));
}

export function sayAbsent(connection: Connection, request: number): void {
  connection.refuse(request, ErrorCode.absent, "not here");
}

/** A copy of a block's true bytes. */
export function blockOf({ file, manifest }: LiarsFile, index: number): Uint8Array {
  const offset = index * manifest.blockSize;
  return file.bytes.slice(offset, offset + sizeOfBlock(manifest, index));
}

export function sendBlock(
  connection: Connection,
  request: number,
  bytes: Uint8Array,
  offset = 0,
): Promise<void> {
  return connection.sendChunk({ type: "blockData", offset }, request, bytes);
}

export function sendManifest(
  connection: Connection,
  request: number,
  { name, blockSize, publisher, hashes, signatures }: Manifest,
): Promise<void> {
  const page = new Uint8Array(hashes.length * 3);
  for (let i = 0; i * 32 < hashes.length; i++) {
    page.set(hashes.subarray(32 * i, 32 * i + 32), 96 * i);
    page.set(signatures.subarray(64 * i, 64 * i + 64), 96 * i + 32);
  }
  return connection.sendChunk({ type: "manifest", name, blockSize, publisher }, request, page);
}

/** The answer to a request for a small file, without its position. */
export interface Whole extends Omit<MessageOf<"whole">, "type" | "position"> {
  readonly bytes: Uint8Array;
}

export function wholeOf({ file, manifest }: LiarsFile): Whole {
  const { name, blockSize, publisher, signatures } = manifest;
  const signature = signatures.slice(0, 64);
  return { name, blockSize, publisher, signature, bytes: file.bytes.slice() };
}

export function sendWhole(
  connection: Connection,
  request: number,
  { bytes, ...fields }: Whole & { readonly position: number },
): Promise<void> {
  return connection.sendChunk({ type: "whole", ...fields }, request, bytes);
}

/** A bitfield of random blocks. */
export function someBlocks({ dice }: Talk, count: number): Bitfield {
  const field = Bitfield.none(count);
  for (let index = 0; index < count; index++) if (dice.chance(0.5)) field.add(index);
  return field;
}
