/** Finds out which of the files that a tracker lists is meant by a name or an id. */

import { toHex } from "../../protocol/bytes.ts";
import { nameProblem } from "../../protocol/path.ts";
import { formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { printable } from "../text/printable.ts";
import type { ListedFile } from "./fetch_all.ts";
import type { TrackedFile, TrackerSession } from "./tracker_session.ts";

/** Of a name that cannot be one, no more than this is shown. */
const SHOWN_LENGTH_MAX = 80;

export interface ListingOptions {
  /** Only files that this key has signed. */
  readonly publisher?: Uint8Array | undefined;
  /** Replaces other files of the same name. */
  readonly replace: boolean;
  /** See `Wanted`. */
  readonly patienceMs?: number;
}

/** Nobody has announced a file of this name or id. Somebody may yet. */
export class NotListed extends Error {
  override readonly name = "NotListed";
}

/** Several contents have the same name, and nobody but the user can tell which one is meant. */
export class AmbiguousName extends Error {
  override readonly name = "AmbiguousName";
}

/** No file can have this name, so there is no use in waiting for one. */
export class ImpossibleName extends Error {
  override readonly name = "ImpossibleName";
}

/**
 * The one file of that name or id. Throws a `NotListed` when there is none; an `AmbiguousName`, or an
 * `ImpossibleName`, where waiting would not help.
 */
export async function findWanted(
  session: TrackerSession,
  nameOrId: string,
  options: ListingOptions,
): Promise<ListedFile> {
  requireName(nameOrId);
  // A tracker that answers with something else does not decide what is written here.
  const listed = (await session.listFiles(nameOrId)).filter((file) => isMeant(file, nameOrId));
  const files = published(listed, options.publisher);
  if (files.length === 0) {
    const whose = listed.length > 0 ? " of that publisher" : "";
    throw new NotListed(`Cannot get ${printable(nameOrId)}: nobody has it${whose}`);
  }
  if (new Set(files.map(contentOf)).size > 1) throw new AmbiguousName(ambiguity(nameOrId, files));
  return asWanted(files.find(({ name }) => name === nameOrId) ?? files[0]!, options);
}

/** All files that can be told apart by their names, and an error for each name that several contents have. */
export async function findAllWanted(
  session: TrackerSession,
  options: ListingOptions,
): Promise<{ wanted: ListedFile[]; refused: Error[] }> {
  const byName = Map.groupBy(
    published(await session.listFiles(), options.publisher),
    ({ name }) => name,
  );
  const wanted: ListedFile[] = [];
  const refused: Error[] = [];
  for (const [name, files] of byName) {
    if (new Set(files.map(contentOf)).size > 1) {
      refused.push(new AmbiguousName(ambiguity(name, files)));
      continue;
    }
    try {
      wanted.push(asWanted(files[0]!, options));
    } catch (error) {
      refused.push(error as Error);
    }
  }
  return { wanted, refused };
}

/** The files that the list says a publisher has signed; without one, all of them. */
function published(
  files: readonly TrackedFile[],
  publisher: Uint8Array | undefined,
): readonly TrackedFile[] {
  if (publisher === undefined) return files;
  const key = toHex(publisher);
  return files.filter((file) => toHex(file.publisher) === key);
}

function isMeant({ name, id }: TrackedFile, nameOrId: string): boolean {
  return name === nameOrId ||
    /^[0-9a-f]{8,64}$/i.test(nameOrId) && toHex(id).startsWith(nameOrId.toLowerCase());
}

function contentOf({ id, size }: TrackedFile): string {
  return `${toHex(id)}-${size}`;
}

function asWanted(
  { id, size, name, blockSize }: TrackedFile,
  { publisher, replace, patienceMs }: ListingOptions,
): ListedFile {
  requireName(name);
  return {
    id,
    size,
    name,
    blockSize,
    replace,
    ...(publisher === undefined ? {} : { publisher }),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  };
}

function requireName(name: string): void {
  const problem = nameProblem(name);
  if (problem === undefined) return;
  const shown = printable(name.slice(0, SHOWN_LENGTH_MAX));
  throw new ImpossibleName(`Cannot get ${shown}: ${problem}`);
}

function ambiguity(name: string, files: readonly TrackedFile[]): string {
  const columns = [
    { title: "id" },
    { title: "size", align: "right" },
    { title: "publisher" },
    { title: "name" },
  ] as const;
  const rows = files.map((file) => [
    toHex(file.id).slice(0, 16),
    formatSize(file.size),
    toHex(file.publisher).slice(0, 16),
    file.name,
  ]);
  return [
    `Cannot get ${printable(name)}: ${files.length} different files have that name (give an id)`,
    ...formatTable(columns, rows),
  ].join("\n");
}
