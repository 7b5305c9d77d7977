/**
 * The messages by which one side copies a directory tree from another: by remote copy and by mirroring.
 *
 * The source lists what is in the tree, page by page, each file with its content's id. The copier says
 * what it has settled, and fetches what it lacks with the messages of content_messages.ts. The source keeps
 * only entries that are listed and not settled yet, so a copier that settles as it goes may copy a tree of
 * any size.
 */

import { define } from "./definition.ts";
import { bytes, choice, flag, list, record, text, u32, u53 } from "./fields.ts";
import { NAME_SIZE_MAX } from "./path.ts";

/** How many entries a page may hold, as long as they fit into a body. */
export const TREE_ENTRY_COUNT_MAX = 256;
/** How many entries one notice may settle. */
export const SETTLED_COUNT_MAX = 4096;
/** Entries that may be listed and not settled; the source lists no more until some are. */
export const UNSETTLED_COUNT_MAX = 16384;
/** Bytes of a link's target, or of a reason why something is skipped. */
export const TARGET_SIZE_MAX = 4096;

/** The part of the table about trees. */
export const treeMessages = {
  openTree: define(
    100,
    "request",
    'I want to copy what is at this path, "" for all that you offer. Takes the place of a tree that ' +
      "was opened before on this connection. The source waits delayMs before it sends each file of it. " +
      "Answered by tree.",
    { path: text(NAME_SIZE_MAX), delayMs: u32 },
  ),
  tree: define(
    101,
    "answer",
    "How much there is to copy, by a first look: regular files, their bytes, and everything else.",
    { fileCount: u53, byteCount: u53, otherCount: u53 },
  ),
  listTree: define(
    102,
    "request",
    "The next entries of the open tree. Answered by treeEntries as soon as there are some.",
    {},
  ),
  treeEntries: define(
    103,
    "answer",
    "The next entries, each folder before what is in it, with their paths from the top of what the source " +
      "offers. They are numbered on from 0 in their order. Of a file `id` and `size` are its content; " +
      "`target` is where a link leads, or why something is skipped. `last` when there are no more.",
    {
      entries: list(
        record({
          path: text(NAME_SIZE_MAX),
          kind: choice(["file", "folder", "link", "skipped"]),
          id: bytes(32),
          size: u53,
          executable: flag,
          target: text(TARGET_SIZE_MAX),
        }),
        TREE_ENTRY_COUNT_MAX,
      ),
      last: flag,
    },
  ),
  settled: define(
    104,
    "notice",
    "Of the entries with these numbers I need nothing more: they are here, complete and verified, or " +
      "folders that I shall make, or not wanted, or (in `failed`) they could not be copied. The source closes the tree when all are.",
    {
      done: list(u32, SETTLED_COUNT_MAX),
      failed: list(u32, SETTLED_COUNT_MAX),
    },
  ),
  watchTree: define(
    105,
    "request",
    "Tell me when something in the tree has changed since it was opened. Answered by treeChanged, after " +
      "some seconds even if nothing has.",
    {},
  ),
  treeChanged: define(106, "answer", "Whether something in the tree has changed.", {
    changed: flag,
  }),
} as const;
