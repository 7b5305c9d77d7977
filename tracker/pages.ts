/** Makes answers of pages: as many nodes or files as fit the body of a message. */

import { utf8Size } from "../protocol/fields.ts";
import { BODY_SIZE_MAX, HEADER_SIZE } from "../protocol/header.ts";
import { FILE_COUNT_MAX, frameSize } from "../protocol/messages.ts";
import type { BodyOf } from "../protocol/messages.ts";
import type { Listing, SwarmNode } from "./entries.ts";
import type { Page } from "./serial_list.ts";

/** How many nodes or files a page lists at most. That many nodes always fit a body. */
export const PAGE_COUNT_MAX = FILE_COUNT_MAX;

type FileEntry = BodyOf<"files">["files"][number];

const EMPTY_ANSWER_SIZE = frameSize({ type: "files", files: [], next: 0 });
/** Bytes that one file takes in an answer, besides its name. */
const ENTRY_SIZE = frameSize({
  type: "files",
  files: [{
    id: new Uint8Array(32),
    size: 0,
    name: "",
    blockSize: 0,
    publisher: new Uint8Array(32),
    seeders: 0,
    leechers: 0,
  }],
  next: 0,
}) - EMPTY_ANSWER_SIZE;
/** Bytes that all files of an answer may take. */
const ENTRIES_SIZE_MAX = HEADER_SIZE + BODY_SIZE_MAX - EMPTY_ANSWER_SIZE;

/** The answer to `listNodes`. */
export function nodeAnswer({ items, next }: Page<SwarmNode>): BodyOf<"nodes"> {
  const nodes = items.map(({ nodeId, host, port, fileCount }) => {
    return { nodeId, host, port, fileCount };
  });
  return { nodes, next };
}

/** The answer to `listFiles`; when long names leave no room for all, the next page goes on earlier. */
export function fileAnswer({ items, next }: Page<Listing>): BodyOf<"files"> {
  const files: FileEntry[] = [];
  let room = ENTRIES_SIZE_MAX;
  for (const listing of items) {
    room -= ENTRY_SIZE + utf8Size(listing.name);
    if (room < 0) return { files, next: items[files.length - 1]!.serial };
    files.push(fileEntry(listing));
  }
  return { files, next };
}

function fileEntry({ name, file }: Listing): FileEntry {
  const { id, size, blockSize, publisher, holders } = file;
  const { seederCount: seeders, leecherCount: leechers } = holders;
  return { id, size, name, blockSize, publisher, seeders, leechers };
}
