/**
 * The messages by which one side gets contents from the other: by sync and by copy, in both directions.
 *
 * A content is asked for by what it is, never by a name. Whoever answers decides whether the asker may
 * have it. Blocks of a large content travel as `getBlock` and `blockData`, like those of the swarm.
 */

import { define } from "./definition.ts";
import { bytes, list, record, u16, u32, u53 } from "./fields.ts";
import { CHUNK_SIZE_MAX } from "./header.ts";

/** A content of at most this size travels whole, packed with others. */
export const SMALL_SIZE_MAX = 256 * 1024;
/** How many small contents one request may ask for. */
export const SMALL_COUNT_MAX = 256;
/** How many ranges of a content one request may ask for. */
export const RANGE_COUNT_MAX = 4096;
/** In a recipe's chunks each piece takes its length (u32) and its fingerprint (u64). */
export const PIECE_SIZE = 4 + 8;

const file = { id: bytes(32), size: u53 };

/** The part of the table about contents. */
export const contentMessages = {
  getContents: define(60, "request", "Small contents. Answered by contents, until all are named.", {
    files: list(record(file), SMALL_COUNT_MAX),
  }),
  contents: define(
    61,
    "answer",
    "Contents at these positions of the request, their bytes one after the other in the chunk; those " +
      "in `absent` are not here.",
    { present: list(u16, SMALL_COUNT_MAX), absent: list(u16, SMALL_COUNT_MAX) },
    CHUNK_SIZE_MAX,
  ),
  getHashes: define(
    62,
    "request",
    "The block hashes of a content, for blocks of the usual size. Answered by hashes.",
    file,
  ),
  hashes: define(
    63,
    "answer",
    "Hashes of blocks or leaves in the chunk, 32 bytes each; repeated in order until all are listed.",
    {},
    CHUNK_SIZE_MAX,
  ),
  getRecipe: define(
    64,
    "request",
    "The pieces that a range of a content is cut into where its bytes say so. Answered by recipe.",
    { ...file, offset: u53, length: u53 },
  ),
  recipe: define(
    65,
    "answer",
    "Length (u32) and fingerprint (u64) of the next pieces in the chunk; repeated in order until their " +
      "lengths add up to the range's.",
    {},
    CHUNK_SIZE_MAX,
  ),
  getRanges: define(66, "request", "Bytes of a content. Answered by rangeData.", {
    ...file,
    ranges: list(record({ offset: u53, length: u32 }), RANGE_COUNT_MAX),
  }),
  rangeData: define(
    67,
    "answer",
    "The next bytes of the ranges, in their order, one after the other; repeated until all were sent.",
    {},
    CHUNK_SIZE_MAX,
  ),
  getLeaves: define(
    68,
    "request",
    "The hashes of the leaves, 16 KiB each, of one block of a content. Answered by hashes.",
    { ...file, index: u32 },
  ),
} as const;
