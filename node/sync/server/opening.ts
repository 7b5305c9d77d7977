/**
 * Makes a user's space ready: puts back what a power failure took, compares the folder with the index, and
 * lets go of what is of no use any more.
 */

import { isDone } from "../../folder/live_folder.ts";
import type { Change } from "../../folder/live_folder.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentId } from "../../transfer/contents.ts";
import type { ContentPlaces } from "./content_places.ts";
import { inspect } from "./inspection.ts";
import type { UserPieces } from "./ports.ts";
import type { SpaceOptions } from "./space_options.ts";
import type { IndexedEntry, PendingContent } from "./user_index.ts";

/** Files with the same content that are put back. */
const COPIES_MAX = 1024;

export interface OpeningOptions extends SpaceOptions {
  readonly pieces: UserPieces;
  readonly places: ContentPlaces;
}

/** Makes the space ready. Answers the small contents that the index still keeps. */
export async function makeReady(options: OpeningOptions): Promise<ContentId[]> {
  const { pieces, places, log } = options;
  const kept: ContentId[] = [];
  let isDifferent = false;
  for (const content of pieces.index.pending()) {
    kept.push({ id: content.id, size: content.size });
    for (const entry of pieces.index.filesWith(content, COPIES_MAX)) {
      if (await putBack(content, entry, options)) isDifferent = true;
    }
  }
  if (await inspect("", { pieces, places, nowMs: options.wallClock(), log })) isDifferent = true;
  // It may be an older copy of the index; then the devices know these sequence numbers for other changes.
  if (isDifferent) pieces.index.commit({ renew: true });
  return kept;
}

/**
 * Writes the file of a small content again that has other bytes now. Whether those came from the failure
 * or from a person cannot be told, so they become an old version. Answers whether the file was not as it should be.
 */
async function putBack(
  content: PendingContent,
  entry: IndexedEntry,
  { pieces, places, wallClock, log }: OpeningOptions,
): Promise<boolean> {
  const { folder, index, stage } = pieces;
  const { path, executable } = entry;
  const { entries: [found] } = await folder.look(path);
  if (found?.kind === "folder") return false;
  const there = found === undefined ? undefined : await hash(path, found.size, pieces);
  if (there !== undefined && contentKey(there) === contentKey(content)) return false;
  const [written] = (await stage.write([content], content.bytes.slice().buffer)).outcomes;
  if (typeof written !== "object" || !("staged" in written)) {
    const reason = typeof written === "object" ? written.error : "the index is damaged";
    log(`${folder.root}: ${path} could not be put back: ${reason}`);
    return true;
  }
  const change: Change = {
    kind: "place",
    path,
    staged: written.staged,
    executable,
    expect: found?.stamp,
    ...(there === undefined ? {} : { keep: places.trashPathOf(there) }),
  };
  const [outcome] = await folder.change([change]);
  if (!isDone(outcome)) {
    await stage.remove([written.staged]);
    return true;
  }
  const replaced = there === undefined
    ? []
    : [{ path, ...there, executable, replacedMs: wallClock(), device: "" }];
  index.commit({ stamps: [{ path, stamp: outcome.stamp }], replaced });
  log(`${folder.root}: ${path} was put back`);
  return true;
}

async function hash(
  path: string,
  size: number,
  { folder, stage }: UserPieces,
): Promise<ContentId | undefined> {
  for await (const hashed of stage.hashFiles([{ path: folder.pathOf(path), size }])) {
    if (!("error" in hashed)) return { id: hashed.id, size: hashed.size };
  }
  return undefined;
}
