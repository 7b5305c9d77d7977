/**
 * The ways in which a liar of the simulation lies.
 *
 * Some lies prove that their teller knew better (bytes, hashes or signatures that are wrong); those are what
 * a peer may be banned for. Others only waste time: blocks that never come, or that are announced and
 * then denied. Against those an honest peer must merely get what it wants all the same.
 */

import type { Manifest } from "../../node/content/manifest.ts";
import { blockCount } from "../../node/content/tree.ts";
import type { MessageOf } from "../../protocol/messages.ts";
import type { Dice } from "./dice.ts";
import type { LiarsFile, Lie, Talk } from "./liar_talk.ts";
import {
  blockOf,
  fileOf,
  sayAbsent,
  sendBlock,
  sendManifest,
  sendWhole,
  someBlocks,
  tellTruth,
  wholeOf,
} from "./truth.ts";
import type { Whole } from "./truth.ts";

/** A lie about some messages, and the truth about all others. */
function lieAbout(name: string, answers: Answers, rest: Partial<Lie> = {}): Lie {
  return {
    name,
    ...rest,
    answer: async (talk, frame) => {
      const { message, request } = frame;
      const answer = answers[message.type as keyof Answers] as Answer<typeof message> | undefined;
      const known = "id" in message ? fileOf(talk, message) : undefined;
      if (answer === undefined || (known === undefined && message.type !== "getWhole")) {
        return await tellTruth(talk, frame);
      }
      await answer(talk, { message, request, known: known! });
    },
  };
}

type Answer<M> = (talk: Talk, asked: Asked<M>) => Promise<void> | void;

interface Asked<M> {
  readonly message: M;
  readonly request: number;
  /** The file that is meant; not there for `getWhole`. */
  readonly known: LiarsFile;
}

interface Answers {
  readonly open?: Answer<MessageOf<"open">>;
  readonly getManifest?: Answer<MessageOf<"getManifest">>;
  readonly getBlock?: Answer<MessageOf<"getBlock">>;
  readonly getWhole?: Answer<MessageOf<"getWhole">>;
}

/** Answers each small file with what `change` makes of the truth. */
function changedWhole(change: (whole: Whole, dice: Dice) => Whole): Answer<MessageOf<"getWhole">> {
  return async (talk, { message, request }) => {
    for (const [position, id] of message.files.entries()) {
      const known = fileOf(talk, id);
      if (known === undefined) talk.connection.send({ type: "missing", position }, request);
      else {
        const whole = change(wholeOf(known), talk.dice);
        await sendWhole(talk.connection, request, { ...whole, position });
      }
    }
  };
}

/** Answers a request for a manifest with what `change` makes of the truth. */
function changedManifest(
  change: (manifest: Manifest, dice: Dice) => Manifest,
): Answer<MessageOf<"getManifest">> {
  return ({ connection, dice }, { request, known }) =>
    sendManifest(connection, request, change(known.manifest, dice));
}

/** Answers nothing. */
const silence = () => {};

function flipBit(bytes: Uint8Array, dice: Dice): Uint8Array {
  const flipped = bytes.slice();
  if (flipped.length > 0) flipped[dice.below(flipped.length)]! ^= 1 << dice.below(8);
  return flipped;
}

const wrongBytes = lieAbout("flips bits of blocks", {
  getBlock: ({ connection, dice }, { message, request, known }) => {
    const bytes = blockOf(known, message.index);
    return sendBlock(connection, request, dice.chance(0.5) ? flipBit(bytes, dice) : bytes);
  },
  getWhole: changedWhole((whole, dice) => ({ ...whole, bytes: flipBit(whole.bytes, dice) })),
});

const wrongBlock = lieAbout("sends another block than it was asked for", {
  getBlock: ({ connection, dice }, { message, request, known }) => {
    const other = dice.below(known.manifest.hashes.length / 32);
    const { length } = blockOf(known, message.index);
    const bytes = new Uint8Array(length);
    bytes.set(blockOf(known, other).subarray(0, length));
    return sendBlock(connection, request, bytes);
  },
});

const lateLiar = lieAbout("tells the truth at first", {
  getBlock: ({ connection, dice, stream }, { message, request, known }) => {
    const bytes = blockOf(known, message.index);
    const isLate = connection.bytesReceived > 2_000 + stream.remote.port % 1_000;
    return sendBlock(connection, request, isLate ? flipBit(bytes, dice) : bytes);
  },
});

const wrongSignature = lieAbout("forges signatures", {
  getManifest: changedManifest((manifest, dice) => (
    { ...manifest, signatures: flipBit(manifest.signatures, dice) }
  )),
  getWhole: changedWhole((whole, dice) => (
    { ...whole, signature: flipBit(whole.signature, dice) }
  )),
});

const wrongHash = lieAbout("forges hashes", {
  getManifest: changedManifest((manifest, dice) => (
    { ...manifest, hashes: flipBit(manifest.hashes, dice) }
  )),
});

const wrongManifest = lieAbout("sends manifests that are none", {
  getManifest: changedManifest((manifest, dice) =>
    dice.pick([
      { ...manifest, name: "../../outside" },
      { ...manifest, blockSize: 12_345 },
      { ...manifest, blockSize: 2 * manifest.blockSize },
      { ...manifest, hashes: manifest.hashes.subarray(32) },
      { ...manifest, hashes: new Uint8Array(0) },
    ])
  ),
  getWhole: changedWhole((whole, dice) =>
    dice.pick([
      { ...whole, blockSize: 12_345 },
      { ...whole, signature: new Uint8Array(3) },
      { ...whole, bytes: new Uint8Array(whole.bytes.length + 1) },
    ])
  ),
});

/** Whoever announces a file first decides how the tracker describes it. */
const wrongDescription = lieAbout("describes files wrongly to the tracker", {}, {
  listed: (manifest, dice) => ({
    ...manifest,
    ...dice.pick([
      { blockSize: 16 * manifest.blockSize },
      { blockSize: 256 * manifest.blockSize },
      { publisher: dice.bytes(32) },
    ]),
  }),
});

const wrongPiece = lieAbout("sends pieces that do not fit", {
  getBlock: ({ connection, dice }, { message, request, known }) => {
    const bytes = blockOf(known, message.index);
    switch (dice.below(4)) {
      case 0:
        return sendBlock(connection, request, bytes, 1);
      case 1:
        return sendBlock(connection, request, new Uint8Array(bytes.length + 1));
      case 2:
        return sendBlock(connection, request, new Uint8Array(0));
      default:
        connection.send({ type: "ok" }, request);
    }
  },
  getWhole: ({ connection, dice }, { request, message }) =>
    dice.chance(0.5)
      ? connection.send({ type: "missing", position: message.files.length }, request)
      : connection.send({ type: "ok" }, request),
});

const denies = lieAbout("denies what it has announced", {
  getBlock: ({ connection }, { request }) => sayAbsent(connection, request),
  getWhole: ({ connection }, { message, request }) => {
    for (const position of message.files.keys()) {
      connection.send({ type: "missing", position }, request);
    }
  },
});

const deniesSome = lieAbout("announces more than it has", {
  getBlock: ({ connection }, { message, request, known }) =>
    message.index % 2 === 0
      ? sayAbsent(connection, request)
      : sendBlock(connection, request, blockOf(known, message.index)),
});

const stalls = lieAbout("stops in the middle of a block", {
  getBlock: ({ connection }, { message, request, known }) => {
    const bytes = blockOf(known, message.index);
    return sendBlock(connection, request, bytes.subarray(0, bytes.length / 2 + 1));
  },
  getWhole: async (talk, { message, request }) => {
    const known = fileOf(talk, message.files[0]!);
    if (known === undefined || message.files.length < 2) return;
    await sendWhole(talk.connection, request, { ...wholeOf(known), position: 0 });
  },
});

const chokes = lieAbout("stops in the middle of a frame", {
  getBlock: ({ stream }, { known, message }) => writePart(stream, blockOf(known, message.index)),
  getWhole: async ({ stream }) => await writePart(stream, new Uint8Array(1000)),
});

/** The header of a block of 16 KiB, and the beginning of that. */
async function writePart(stream: Talk["stream"], bytes: Uint8Array): Promise<void> {
  const head = Uint8Array.fromHex("50320130" + "00000001" + "00000004" + "00004000" + "00000000");
  await stream.write(head);
  await stream.write(bytes.subarray(0, 100));
}

const trickles = lieAbout("sends a few bytes at a time", {
  getBlock: ({ connection, sleep }, { message, request, known }) => {
    const bytes = blockOf(known, message.index);
    const trickle = async (offset: number): Promise<void> => {
      if (offset >= bytes.length) return;
      await sendBlock(connection, request, bytes.subarray(offset, offset + 20), offset);
      await sleep(2_000);
      await trickle(offset + 20);
    };
    // Nobody waits for it, so that other requests get their drops, too.
    trickle(0).catch(() => {});
  },
});

const withholdsBlocks = lieAbout("never sends a block", { getBlock: silence, getWhole: silence });
const withholdsManifest = lieAbout("never sends a manifest", { getManifest: silence });
const withholdsBitfield = lieAbout("never says what it has", { open: silence });

const hangsUp = lieAbout("hangs up when it is asked", {
  getBlock: ({ connection }) => connection.close(),
  getWhole: ({ connection }) => connection.close(),
});

const wrongBitfield = lieAbout("says that it has blocks which do not exist", {
  open: ({ connection, dice }, { message, request, known }) => {
    const { id, size } = message;
    const count = blockCount(size, known.manifest.blockSize);
    const notice = { type: "have", id, size, indexes: [count, 0xffff_ffff] } as const;
    if (dice.chance(0.3)) connection.send(notice);
    const have = dice.pick([new Uint8Array(0), new Uint8Array(1 + Math.ceil(count / 8))]);
    connection.send({ type: "opened", have }, request);
    connection.send(notice);
  },
});

const partial = lieAbout("has less than it announces, and sends wrong news of it", {
  open: (talk, { message, request, known }) => {
    const { id, size } = message;
    const count = blockCount(size, known.manifest.blockSize);
    const have = someBlocks(talk, count);
    talk.connection.send({ type: "opened", have: have.encode() }, request);
    const indexes = Array.from({ length: count }, (_, index) => index);
    talk.connection.send({ type: "have", id, size, indexes });
  },
  getBlock: ({ connection }, { request }) => sayAbsent(connection, request),
});

const floods = lieAbout("floods", {}, {
  linked: async ({ connection, files, sleep }) => {
    const { id, size } = [...files.values()].at(-1)!.manifest;
    const notice = { type: "have", id, size, indexes: new Array(1000).fill(0) } as const;
    for (let round = 1; round <= 5 && !connection.isClosed; round++) {
      for (let i = 0; i < 20; i++) connection.send(notice);
      for (let i = 0; i < 20; i++) {
        connection.send({ type: "getBlock", id, size, index: 0 }, 1_000 * round + i);
      }
      await sleep(1_000);
    }
  },
});

const deaf: Lie = {
  name: "asks much and reads nothing",
  linked: async ({ connection, files, sleep }) => {
    await sleep(1_000);
    const { id, size } = [...files.values()].at(-1)!.manifest;
    for (let i = 1; i <= 200; i++) connection.send({ type: "getBlock", id, size, index: 0 }, i);
    for (let i = 201; i <= 1_500; i++) connection.send({ type: "getManifest", id, size }, i);
  },
  answer: () => new Promise(() => {}),
};

const answersUnasked = lieAbout("answers what it was not asked", {}, {
  linked: async ({ connection, dice, sleep }) => {
    const bytes = new Uint8Array(5000);
    for (let i = 0; i < 10 && !connection.isClosed; i++) {
      await sendBlock(connection, dice.between(1, 50), bytes);
      await sleep(dice.below(500));
    }
    connection.send({ type: "ok" }, 0);
  },
});

const babbles = lieAbout("sends bytes that are no frames", {}, {
  linked: async ({ stream, dice, sleep }) => {
    await sleep(dice.below(5_000));
    await stream.write(dice.bytes(100));
  },
});

const neverGreets: Lie = {
  name: "never greets",
  greet: () => Promise.resolve(),
  answer: tellTruth,
};

const wrongProof: Lie = {
  name: "greets under a name that is not its own",
  greet: async ({ connection, dice }) => {
    const nodeId = dice.bytes(32);
    const nonce = dice.bytes(32);
    connection.send({ type: "hello", role: "peer", nodeId, nonce, agent: "liar" });
    connection.send({ type: "proof", signature: dice.bytes(64) });
    await connection.run(() => {});
  },
  answer: tellTruth,
};

export const lies: readonly Lie[] = [
  wrongBytes,
  wrongBlock,
  lateLiar,
  wrongSignature,
  wrongHash,
  wrongManifest,
  wrongDescription,
  wrongPiece,
  denies,
  deniesSome,
  stalls,
  chokes,
  trickles,
  withholdsBlocks,
  withholdsManifest,
  withholdsBitfield,
  hangsUp,
  wrongBitfield,
  partial,
  floods,
  deaf,
  answersUnasked,
  babbles,
  neverGreets,
  wrongProof,
];
