/**
 * The ports of the room: where contents are found, where they are staged, and what fetching them gives.
 *
 * A content is a file's bytes, known by BEP 52 root and length. One side answers requests for contents
 * (`ContentServer`), the other fetches them (`ContentFetcher`) into a staging area, from which whoever
 * wanted them gives them their names. Sync does so in both directions, copy in one.
 */

import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import type { DiskFailure } from "../store/disk.ts";

/** A content: BEP 52 root of 32 bytes, and length. */
export interface ContentId {
  readonly id: Uint8Array;
  readonly size: number;
}

/** A content's name in maps and file names. */
export function contentKey({ id, size }: ContentId): string {
  return `${toHex(id)}-${size}`;
}

/** The content that has this name; undefined for any other text. */
export function contentOfKey(key: string): ContentId | undefined {
  const [, hex, size] = /^([0-9a-f]{64})-(0|[1-9][0-9]{0,15})$/.exec(key) ?? [];
  return hex === undefined ? undefined : { id: fromHex(hex), size: Number(size) };
}

/**
 * The pieces that a content is cut into where its bytes say so (cutting.ts), in their order and as they travel:
 * for each its length (u32, big-endian) and its fingerprint (8 bytes). A fingerprint is a hint only: what is put
 * together from pieces is verified.
 */
export type Recipe = Uint8Array<ArrayBuffer>;

/** A file that holds a content, as long as its stamp is still the same. */
export interface LocatedContent extends ContentId {
  /** Its path in the folder, or wherever else the room that located it keeps contents. */
  readonly path: string;
  readonly stamp: string;
}

/** A large content on its way to this side. */
export interface GrowingContent {
  /** Local path of its partial file, in which the blocks that are there change no more. */
  readonly path: string;
  /** Its block hashes, which lead to its id. */
  readonly hashes: Uint8Array;
  /** The blocks that are there. */
  readonly have: Bitfield;
}

/** Finds where a content is that the other side asks for. */
export interface ContentSource {
  /** A file that holds it, or undefined when there is none that this asker may have. */
  find(content: ContentId): LocatedContent | undefined;
  /** The content on its way, where the asker may have blocks of it before all are there. */
  growing?(content: ContentId): GrowingContent | undefined;
}

/** A content that is wanted, and the files of this side that probably hold parts of it. */
export interface WantedContent extends ContentId {
  readonly bases: readonly LocatedContent[];
  /** Where it is staged if it is small and comes over the wire (stage.ts); the stage decides if not given. */
  readonly stageAs?: string;
}

/** A wanted content that has come, verified. */
export interface ArrivedContent {
  readonly want: WantedContent;
  /** Local path of a temporary file with the bytes; whoever takes it gives it a name or removes it. */
  readonly staged: string;
  /**
   * The bytes again if the content is small and came over the wire; they are gone with the next step of the
   * iteration. A copy of a base has none; it is on the disk for good like a large content.
   */
  readonly bytes?: Uint8Array;
}

/** A wanted content that does not come. */
export interface MissingContent {
  readonly want: WantedContent;
  /** "absent": the other side does not have it (any more); otherwise what went wrong with the disk. */
  readonly reason: "absent" | DiskFailure;
}

/** What became of a wanted content. */
export type FetchResult = ArrivedContent | MissingContent;

/** How contents are fetched. */
export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Large contents and copies of bases are on the disk for good (fsync) when they are yielded. */
  readonly durable: boolean;
  /** Told of large contents how many of their bytes are here. */
  readonly progress?: (want: WantedContent, bytesDone: number) => void;
}

/** Fetches contents from the other side of a connection. */
export interface ContentFetcher {
  /**
   * Fetches contents; yields each once, in any order, as it comes. Partly fetched large contents stay
   * staged and are gone on with by the next call that wants them, in this process or a later one.
   *
   * Throws what ended the connection, and the signal's reason.
   */
  fetch(
    wants: readonly WantedContent[],
    options: FetchOptions,
  ): AsyncIterable<FetchResult>;
}
