/**
 * The table of messages: every message of the protocol is declared here, once.
 *
 * The encoder, the decoder, the TypeScript types, the limits, docs/protocol.md and the generators of the
 * tests all read this table. Numbers are part of the protocol: a message keeps its number for ever, and a
 * change of its fields is a new message.
 *
 * A `request` is answered by one or more `answer`s that carry its request number; an answer of type
 * `error` ends any request. A `notice` is not answered.
 */

import { contentMessages } from "./content_messages.ts";
import { define } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { CHUNK_SIZE_MAX, HEADER_SIZE, readHeader, writeHeader } from "./header.ts";
import {
  blob,
  bytes,
  choice,
  Cursor,
  flag,
  list,
  record,
  text,
  u16,
  u32,
  u53,
  u8,
} from "./fields.ts";
import type { Field, RecordOf } from "./fields.ts";
import { ErrorCode, ProtocolError } from "./errors.ts";
import { NAME_SIZE_MAX } from "./path.ts";
import { BLOCK_COUNT_MAX } from "./bitfield.ts";
import { Slab } from "./slab.ts";
import { mirrorMessages } from "./mirror_messages.ts";
import { syncMessages } from "./sync_messages.ts";
import { treeMessages } from "./tree_messages.ts";

/** A whole file of at most this size travels in one frame, without a manifest of its own. */
export const WHOLE_SIZE_MAX = 256 * 1024;
/** How many whole files one request may ask for. */
export const WHOLE_COUNT_MAX = 256;
/** How many files one page of an announcement or a list may hold. */
export const FILE_COUNT_MAX = 512;
/** In a manifest's chunks each block takes its hash and its signature. */
export const SIGNED_HASH_SIZE = 32 + 64;

const nodeId = bytes(32);
const name = text(NAME_SIZE_MAX);
/** One bit a block, or nothing at all for "every block". */
const have = blob(BLOCK_COUNT_MAX / 8);
/** What a file is: its BEP 52 root and its length. */
const file = { id: bytes(32), size: u53 };
const description = { ...file, name, blockSize: u32, publisher: nodeId };
const host = text(64);

/** All messages by name. Numbers are never given anew. */
export const messages = {
  // Every connection.
  hello: define(1, "notice", "The first message both ways: who I am, and what you shall sign.", {
    role: choice([
      "tracker",
      "peer",
      "sync-server",
      "device",
      "source",
      "copier",
      "mirror",
      "initiator",
    ]),
    nodeId,
    nonce: bytes(32),
    agent: text(64),
  }),
  proof: define(2, "notice", "The second message both ways: a signature over both hellos.", {
    signature: bytes(64),
  }),
  error: define(
    3,
    "answer",
    "A request failed; with request number 0, the connection did and is closed.",
    { code: u8, reason: text(512) },
  ),
  ok: define(4, "answer", "The request was carried out.", {}),
  ping: define(5, "request", "Are you there? Answered by ok.", {}),
  cancel: define(6, "notice", "The request with this frame's number needs no (more) answers.", {}),

  // Between a node and the tracker.
  announce: define(
    16,
    "request",
    "One page of the files that I hold. The first page forgets what I announced before; the answer to the " +
      "last page may be held until the whole batch is complete. A page that is neither adds files.",
    {
      port: u16,
      first: flag,
      last: flag,
      files: list(record({ ...description, have }), FILE_COUNT_MAX),
    },
  ),
  announced: define(
    17,
    "answer",
    "The page is registered. Say something at least every third of ttlMs to stay listed.",
    { ttlMs: u32, nodeCount: u32 },
  ),
  withdraw: define(
    18,
    "request",
    "I have these files under these names no more. Answered by ok.",
    { files: list(record({ ...file, name }), FILE_COUNT_MAX) },
  ),
  progress: define(
    19,
    "request",
    "The blocks of one file that I hold by now. Answered by holders.",
    { ...file, have },
  ),
  finished: define(20, "request", "I hold these files completely. Answered by ok.", {
    files: list(record(file), FILE_COUNT_MAX),
  }),
  terminated: define(21, "request", "All that I wanted is complete. Answered by ok.", {}),
  stop: define(22, "notice", "From the tracker: the whole batch has terminated, so end.", {}),
  leave: define(23, "notice", "I am going; list me no more.", {}),
  listNodes: define(24, "request", "A page of the active nodes, from cursor `after` on.", {
    after: u53,
  }),
  nodes: define(25, "answer", "A page of nodes; `next` is 0 on the last one.", {
    nodes: list(record({ nodeId, host, port: u16, fileCount: u32 }), FILE_COUNT_MAX),
    next: u53,
  }),
  listFiles: define(
    26,
    "request",
    "A page of the files, from cursor `after` on, one entry for each name. `match` is empty for all of them, or an exact name, or " +
      "at least 8 leading digits of an id.",
    { after: u53, match: name },
  ),
  files: define(27, "answer", "A page of files; `next` is 0 on the last one.", {
    files: list(record({ ...description, seeders: u32, leechers: u32 }), FILE_COUNT_MAX),
    next: u53,
  }),
  findHolders: define(28, "request", "Who holds blocks of this file? Answered by holders.", file),
  holders: define(
    29,
    "answer",
    "How many hold the file, and a random sample of them with what they last reported to hold.",
    {
      seeders: u32,
      leechers: u32,
      holders: list(record({ nodeId, host, port: u16, have }), 64),
    },
  ),

  // Between peers.
  open: define(
    40,
    "request",
    "Which blocks of this file do you hold, and tell me of new ones. Answered by opened.",
    file,
  ),
  opened: define(41, "answer", "The blocks that I hold now; have notices follow.", { have }),
  have: define(42, "notice", "I hold these blocks as well, by now.", {
    ...file,
    indexes: list(u32, 4096),
  }),
  close: define(43, "notice", "I need no more have notices for this file.", file),
  getManifest: define(44, "request", "The manifest of this file. Answered by manifest.", file),
  manifest: define(
    45,
    "answer",
    "The head of a manifest. The chunk holds hash (32 bytes) and signature (64 bytes) of block 0 and " +
      "those after it; as many manifestPart answers follow as it takes to list all blocks.",
    { name, blockSize: u32, publisher: nodeId },
    CHUNK_SIZE_MAX,
  ),
  manifestPart: define(
    46,
    "answer",
    "Hashes and signatures of the next blocks, in the chunk.",
    {},
    CHUNK_SIZE_MAX,
  ),
  getBlock: define(47, "request", "The bytes of one block. Answered by blockData.", {
    ...file,
    index: u32,
  }),
  blockData: define(
    48,
    "answer",
    "Bytes of the block in the chunk, from `offset` within it on; repeated in order until the block ends.",
    { offset: u32 },
    CHUNK_SIZE_MAX,
  ),
  getWhole: define(
    49,
    "request",
    "Small files, each with its manifest and bytes. Answered by one whole or missing for each, in any order.",
    { files: list(record(file), WHOLE_COUNT_MAX) },
  ),
  whole: define(
    50,
    "answer",
    "The file at `position` of the request: its manifest, and its bytes in the chunk. A file of one block " +
      "has its id for a hash; an empty file has no signature.",
    { position: u16, name, blockSize: u32, publisher: nodeId, signature: blob(64) },
    WHOLE_SIZE_MAX,
  ),
  missing: define(51, "answer", "The file at `position` of the request is not here.", {
    position: u16,
  }),

  // Contents by their id, and the sync server with its devices.
  ...contentMessages,
  ...syncMessages,
  ...treeMessages,
  ...mirrorMessages,
} as const;

/** The name of a message in the table. */
export type MessageName = keyof typeof messages;

type Table = typeof messages;

/** The body of a message: what its fields hold. */
export type BodyOf<N extends MessageName> = Table[N] extends Definition<infer F> ? RecordOf<F>
  : never;

/** A message as the program handles it: its name and its fields. */
export type MessageOf<N extends MessageName> = N extends MessageName
  ? { readonly type: N } & BodyOf<N>
  : never;

/** Any message; `switch (message.type)` narrows it. */
export type Message = MessageOf<MessageName>;

const nameByNumber: (MessageName | undefined)[] = [];
for (const [key, { number }] of Object.entries(messages)) {
  if (nameByNumber[number] !== undefined) throw new Error(`Message number ${number} is used twice`);
  nameByNumber[number] = key as MessageName;
}

/** The name behind a number of the table. Throws a `ProtocolError` for an unknown one. */
export function messageName(number: number): MessageName {
  const found = nameByNumber[number];
  if (found === undefined) {
    throw new ProtocolError(
      ErrorCode.unexpected,
      `Cannot read frame: message type ${number} is unknown`,
    );
  }
  return found;
}

/** What small frames are written into; they are gone as soon as they are sent. */
const slab = new Slab(8 * 1024);

/**
 * Header and body of a frame; the caller sends `chunkSize` raw bytes after it.
 * Throws a `RangeError` when a field breaks its limit, which is a defect of the caller.
 */
export function encode(message: Message, request = 0, chunkSize = 0): Uint8Array<ArrayBuffer> {
  const definition = messages[message.type];
  const body = definition.body as Field<unknown>;
  const bodySize = body.size(message);
  if (bodySize > definition.bodySizeMax || chunkSize > definition.chunkSizeMax) {
    throw new RangeError(
      `Cannot encode ${message.type}: body ${bodySize} of ${definition.bodySizeMax} bytes, ` +
        `chunk ${chunkSize} of ${definition.chunkSizeMax}`,
    );
  }
  const frame = slab.take(HEADER_SIZE + bodySize);
  const cursor = new Cursor(frame, HEADER_SIZE);
  writeHeader(cursor.view, 0, { type: definition.number, request, bodySize, chunkSize });
  body.write(cursor, message);
  return frame;
}

/** The number of bytes that `message` takes in a frame, header and body, without encoding it. */
export function frameSize(message: Message): number {
  return HEADER_SIZE + (messages[message.type].body as Field<unknown>).size(message);
}

/** What a header announces, once its sizes have passed the limits of its message type. */
export interface FrameHead {
  readonly name: MessageName;
  readonly request: number;
  readonly bodySize: number;
  readonly chunkSize: number;
}

/** Reads the header at `offset` and checks it against the table. Throws a `ProtocolError`. */
export function decodeHead(view: DataView, offset: number): FrameHead {
  const { type, request, bodySize, chunkSize } = readHeader(view, offset);
  const name = messageName(type);
  const { bodySizeMax, chunkSizeMax, kind } = messages[name];
  if (bodySize > bodySizeMax || chunkSize > chunkSizeMax) {
    throw new ProtocolError(
      ErrorCode.limit,
      `Cannot read ${name}: body ${bodySize} of ${bodySizeMax} bytes, chunk ${chunkSize} of ${chunkSizeMax}`,
    );
  }
  if (kind === "request" && request === 0) {
    throw new ProtocolError(ErrorCode.malformed, `Cannot read ${name}: it has no request number`);
  }
  return { name, request, bodySize, chunkSize };
}

/** Decodes a body that occupies all that is left of `from`. Throws a `ProtocolError`. */
export function decodeBody(name: MessageName, from: Cursor): Message {
  const body = messages[name].body.read(from) as Record<string, unknown>;
  if (from.offset !== from.end) {
    throw new ProtocolError(
      ErrorCode.malformed,
      `Cannot decode ${name}: ${from.end - from.offset} bytes are left over`,
    );
  }
  body.type = name;
  return body as Message;
}
