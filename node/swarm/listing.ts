/** Finds out which of the files that a tracker lists is meant by a name or an id. */

import { toHex } from "../../protocol/bytes.ts";
import { nameProblem } from "../../protocol/path.ts";
import { formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import { printable } from "../text/printable.ts";
import type { ListedFile } from "./fetch_all.ts";
import type { TrackedFile, TrackerSession } from "./tracker_session.ts";

export interface ListingOptions {
  /** Only files that this key has signed. */
  readonly publisher?: Uint8Array | undefined;
  /** Replaces other files of the same name. */
  readonly replace: boolean;
  /** See `Wanted`. */
  readonly patienceMs?: number;
}

/** Several contents have the same name, and nobody but the user can tell which one is meant. */
export class AmbiguousName extends Error {
  override readonly name = "AmbiguousName";
}

/** The one file of that name or id. Throws when there is none, or an `AmbiguousName`. */
export async function findWanted(
  session: TrackerSession,
  nameOrId: string,
  options: ListingOptions,
): Promise<ListedFile> {
  const found = await session.listFiles(nameOrId);
  const files = published(found, options.publisher);
  if (files.length === 0) {
    throw new Error(
      `Cannot get ${printable(nameOrId)}: nobody has it (p2pnode ls shows what there is)`,
    );
  }
  if (new Set(files.map(contentOf)).size > 1) throw new AmbiguousName(ambiguity(nameOrId, files));
  return asWanted(files.find(({ name }) => name === nameOrId) ?? files[0]!, options);
}

/** All files. Throws an `AmbiguousName` when two of them have the same name. */
export async function findAllWanted(
  session: TrackerSession,
  options: ListingOptions,
): Promise<ListedFile[]> {
  const byName = new Map<string, TrackedFile>();
  for (const file of published(await session.listFiles(), options.publisher)) {
    const known = byName.get(file.name);
    if (known !== undefined && contentOf(known) !== contentOf(file)) {
      throw new AmbiguousName(ambiguity(file.name, [known, file]));
    }
    byName.set(file.name, file);
  }
  return [...byName.values()].map((file) => asWanted(file, options));
}

/** The files that a publisher has signed; all of them when the list does not say, for others sign, too. */
function published(
  files: readonly TrackedFile[],
  publisher: Uint8Array | undefined,
): readonly TrackedFile[] {
  if (publisher === undefined) return files;
  const key = toHex(publisher);
  return files.filter((file) => toHex(file.publisher) === key);
}

function contentOf({ id, size }: TrackedFile): string {
  return `${toHex(id)}-${size}`;
}

function asWanted(
  { id, size, name, blockSize }: TrackedFile,
  { publisher, replace, patienceMs }: ListingOptions,
): ListedFile {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new Error(`Cannot get ${printable(name)}: ${problem}`);
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
