/**
 * Writes torrent files for the BitTorrent clients: version 1 (BEP 3), or version 2 alone (BEP 52), whose
 * hash tree is the one that p2pnode has.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { TreeHasher } from "../../node/content/tree.ts";
import type { FileSource } from "./stage.ts";

const PIECE_SIZE_MAX = 1024 * 1024;
const PIECE_COUNT_USUAL = 1024;
const PIECE_SIZE_MIN = 256 * 1024;

/** What can stand in a torrent file. Strings are kept as UTF-8; the keys of a dictionary are sorted. */
type Bencoded = number | string | Uint8Array | { readonly [key: string]: Bencoded } | Entries;
/** A dictionary whose keys are bytes. */
type Entries = ReadonlyMap<Uint8Array, Bencoded>;

/** Everything of a torrent but its tracker. */
export interface TorrentBody {
  readonly info: Uint8Array;
  /** SHA-1 of `info`, the name of a version 1 torrent. */
  readonly infoHash: Uint8Array;
  /** Of version 2. */
  readonly layers?: Uint8Array;
}

/** Version 1: SHA-1 of each piece. */
export function describeV1(source: FileSource): TorrentBody {
  const pieceSize = pieceSizeFor(source.size);
  const pieces: Uint8Array[] = [];
  for (const piece of piecesOf(source.path, pieceSize)) {
    pieces.push(createHash("sha1").update(piece).digest());
  }
  return bodyOf({
    length: source.size,
    name: source.name,
    "piece length": pieceSize,
    pieces: concat(pieces),
  });
}

/** Version 2: the root and one layer of the hash tree. */
export function describeV2(source: FileSource): TorrentBody {
  const pieceSize = pieceSizeFor(source.size);
  const hasher = new TreeHasher(pieceSize);
  for (const piece of piecesOf(source.path, pieceSize)) hasher.update(piece);
  const { id, hashes } = hasher.digest();
  const body = bodyOf({
    "file tree": { [source.name]: { "": { length: source.size, "pieces root": id } } },
    "meta version": 2,
    name: source.name,
    "piece length": pieceSize,
  });
  // A file of one piece has no layer: its only hash is the root.
  const layers: Entries = new Map(source.size > pieceSize ? [[id, hashes]] : []);
  return { ...body, layers: encode(layers) };
}

/** Writes the torrent file into a folder and answers its path. */
export async function writeTorrent(
  body: TorrentBody,
  { folder, announce }: {
    readonly folder: string; /** URL of the tracker. */
    readonly announce?: string;
  },
): Promise<string> {
  const path = join(folder, "source.torrent");
  await Deno.writeFile(path, torrentFile(body, announce === undefined ? {} : { announce }));
  return path;
}

/** The torrent file as bytes. */
export function torrentFile(
  { info, layers }: TorrentBody,
  { announce }: { /** URL of the tracker. */ readonly announce?: string } = {},
): Uint8Array {
  // The keys in order, as bencoding asks.
  const parts = [utf8("d")];
  if (announce !== undefined) parts.push(encode("announce"), encode(announce));
  parts.push(encode("info"), info);
  if (layers !== undefined) parts.push(encode("piece layers"), layers);
  return concat([...parts, utf8("e")]);
}

function bodyOf(info: { readonly [key: string]: Bencoded }): TorrentBody {
  const bytes = encode(info);
  return { info: bytes, infoHash: createHash("sha1").update(bytes).digest() };
}

function pieceSizeFor(size: number): number {
  return size > PIECE_SIZE_MIN * PIECE_COUNT_USUAL ? PIECE_SIZE_MAX : PIECE_SIZE_MIN;
}

/** Each piece in turn, in the same buffer. */
function* piecesOf(path: string, pieceSize: number): Generator<Uint8Array> {
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(pieceSize);
  while (true) {
    let filled = 0;
    while (filled < pieceSize) {
      const count = file.readSync(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    if (filled > 0) yield buffer.subarray(0, filled);
    if (filled < pieceSize) return;
  }
}

function encode(value: Bencoded): Uint8Array {
  if (typeof value === "number") return utf8(`i${value}e`);
  if (typeof value === "string") return encode(utf8(value));
  if (value instanceof Uint8Array) return concat([utf8(`${value.length}:`), value]);
  const entries: (readonly [string | Uint8Array, Bencoded])[] = value instanceof Map
    ? [...value]
    : Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  const parts = entries.flatMap(([key, entry]) => [encode(key), encode(entry)]);
  return concat([utf8("d"), ...parts, utf8("e")]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
