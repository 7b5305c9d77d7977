/** The messages between the one who orders a mirror and the mirror server that makes it. */

import { define } from "./definition.ts";
import { bytes, choice, flag, list, record, text, u16, u32, u53 } from "./fields.ts";
import { NAME_SIZE_MAX } from "./path.ts";

/** How many sources an order may name. */
export const SOURCE_COUNT_MAX = 256;
/** A source's name or address, in bytes. */
export const HOST_SIZE_MAX = 249;
/** Bytes of a reason why something failed. */
export const REASON_SIZE_MAX = 512;

/** The part of the table about mirrors. */
export const mirrorMessages = {
  startMirror: define(
    110,
    "request",
    "Mirror these sources, each with the time to wait before each file. `remove` what a source does not " +
      "have, even most of it if `confirmed`; with `watch` go on until this connection ends. Answered by " +
      "mirrorStarted, then by mirrorProgress and mirrorFailure, until a mirrorProgress of each source is " +
      "final.",
    {
      sources: list(
        record({ host: text(HOST_SIZE_MAX), port: u16, path: text(NAME_SIZE_MAX), delayMs: u32 }),
        SOURCE_COUNT_MAX,
      ),
      remove: flag,
      confirmed: flag,
      watch: flag,
    },
  ),
  mirrorProgress: define(
    111,
    "answer",
    "How far the source at this position of the order has come; while it is waiting, another order copies " +
      "from it. Counts are of files, sizes in bytes; `fetched` is what came over the network. The variance of the sizes (bytes squared) is a 64-bit IEEE 754 " +
      "number, big-endian. `reason` says why it failed.",
    {
      source: u16,
      state: choice(["listing", "fetching", "watching", "done", "failed", "waiting"]),
      fileCount: u53,
      byteCount: u53,
      filesDone: u53,
      bytesDone: u53,
      filesFetched: u53,
      bytesFetched: u53,
      filesRemoved: u53,
      filesFailed: u53,
      sizeVariance: bytes(8),
      elapsedMs: u53,
      final: flag,
      reason: text(REASON_SIZE_MAX),
    },
  ),
  mirrorFailure: define(112, "answer", "A file of a source could not be mirrored, and why.", {
    source: u16,
    path: text(NAME_SIZE_MAX),
    reason: text(REASON_SIZE_MAX),
  }),
  mirrorStarted: define(113, "answer", "The order is under way; logs know it by this number.", {
    order: u32,
  }),
} as const;
