/**
 * Where a user's space has a content: in a file of the folder, or in the trash.
 *
 * A file in the trash is named by its content, so that many old versions share it, and an old version whose
 * content is at some path of the folder needs no file there at all.
 */

import { PRIVATE_FOLDER } from "../../../protocol/path.ts";
import { contentKey, contentOfKey } from "../../transfer/contents.ts";
import type {
  ContentId,
  ContentSource,
  GrowingContent,
  LocatedContent,
} from "../../transfer/contents.ts";
import type { LocalContent } from "../../transfer/stage.ts";
import type { UserPieces } from "./ports.ts";

/** In front of a key it names a file of the trash; no safe name starts with it. */
const TRASH_PREFIX = `${PRIVATE_FOLDER}/trash/`;
/** How many files with the same content are looked at. */
const CANDIDATES_MAX = 8;

export class ContentPlaces implements ContentSource {
  readonly #pieces: UserPieces;

  constructor(pieces: UserPieces) {
    this.#pieces = pieces;
  }

  /** Where the content is: a file of the folder rather than one in the trash. */
  find(content: ContentId): LocatedContent | undefined {
    const { index } = this.#pieces;
    const [file] = index.filesWith(content, 1);
    if (file !== undefined) return { ...idOf(content), path: file.path, stamp: file.stamp };
    return index.hasVersionWith(content) ? this.findInTrash(content) : undefined;
  }

  /** The content on its way from a device of the user. */
  growing(content: ContentId): GrowingContent | undefined {
    return this.#pieces.stage.growing(content);
  }

  /** The file of the trash that has the content, whether or not an old version needs it. */
  findInTrash(content: ContentId): LocatedContent | undefined {
    const key = contentKey(content);
    const stamp = this.#pieces.trash.stampOf(key);
    if (stamp === undefined) return undefined;
    return { ...idOf(content), path: TRASH_PREFIX + key, stamp };
  }

  /** The local path of what a `LocatedContent` names. */
  pathOf = (path: string): string => {
    return path.startsWith(TRASH_PREFIX)
      ? this.#pieces.trash.pathOf(path.slice(TRASH_PREFIX.length))
      : this.#pieces.folder.pathOf(path);
  };

  /** The same content by its local path. */
  local(content: LocatedContent): LocalContent {
    return { ...content, path: this.pathOf(content.path) };
  }

  /** Whether a file has the content whose path is none of these. */
  livesOutside(content: ContentId, paths: ReadonlySet<string>): boolean {
    const files = this.#pieces.index.filesWith(content, CANDIDATES_MAX);
    return files.some(({ path }) => !paths.has(path));
  }

  /** Files that probably hold parts of what comes to a path: what is there, and what was there before. */
  basesFor(path: string, oldCountMax: number): LocatedContent[] {
    const { index } = this.#pieces;
    const bases = index.versionsOf(path, oldCountMax).map((version) => this.findInTrash(version));
    const entry = index.get(path);
    if (entry?.kind === "file") bases.unshift({ ...idOf(entry), path, stamp: entry.stamp });
    return bases.filter((base) => base !== undefined);
  }

  /** Whether the path of a `LocatedContent` names a file of the trash. */
  isInTrash(path: string): boolean {
    return path.startsWith(TRASH_PREFIX);
  }

  /** Whether an old version may need the file of that key in the trash. */
  isNeeded(key: string): boolean {
    const content = contentOfKey(key);
    return content !== undefined && this.#pieces.index.hasVersionWith(content);
  }

  /** Where a file in the trash with this content goes. */
  trashPathOf(content: ContentId): string {
    return this.#pieces.trash.pathOf(contentKey(content));
  }
}

function idOf({ id, size }: ContentId): ContentId {
  return { id, size };
}
