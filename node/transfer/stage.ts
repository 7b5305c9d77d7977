/**
 * The port through which contents are read, written and verified: what a machine does with them on its
 * disk, in threads of its own.
 *
 * What is fetched is staged: it lies in temporary files of a private area, on the file system of the folder
 * that it is for, until whoever wanted it gives it a name. A small content is staged in one step. A large
 * one grows in a partial file, block by block, which outlives the process. Nothing counts as staged before
 * its bytes have been compared with its id.
 *
 * Paths are local ones, made by this side. The real stage is node/platform/local_stage.ts; tests have one in
 * memory.
 */

import type { Bitfield } from "../../protocol/bitfield.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { OpenFile } from "../store/folder.ts";
import type { ContentId, GrowingContent, Recipe } from "./contents.ts";
import type { Range } from "./ranges.ts";

/** A regular file, as a look found it. */
export interface LocalFile {
  readonly path: string;
  /** Length in bytes; a file of another length has "changed". */
  readonly size: number;
  /** The stamp that the file must have while it is read; with another one it has "changed". */
  readonly expect?: string | undefined;
}

/** A file that holds a content as long as it has this stamp (store/folder.ts). `path` is a local one. */
export interface LocalContent extends ContentId {
  readonly path: string;
  readonly stamp: string;
}

/** A temporary file with a verified content. Whoever takes it moves it away or has it removed. */
export interface StagedContent {
  /**
   * Its local path. The time of modification of a large content, or a copy, is set back a little: any later write
   * gives it another stamp. To do so with a small one would cost more than it is worth.
   */
  readonly staged: string;
}

/** A small content that is to be staged. */
export interface ContentToStage extends ContentId {
  /** Local path of its temporary file, in a staged folder; there must be nothing. The stage has its own if not given. */
  readonly stageAs?: string;
}

/** A temporary folder in which contents are staged under names that the caller gives them. */
export interface StagedFolder extends Disposable {
  /** Its local path. Whoever moves it away takes what is in it along; otherwise that goes when it is disposed of. */
  readonly path: string;
}

/** Small contents that were read, one after the other in a buffer. */
export interface ReadPack {
  /** The buffer that was handed in. */
  readonly buffer: ArrayBuffer;
  /** For each file whether it was still the one that was meant; only then its bytes are in the buffer. */
  readonly present: readonly boolean[];
}

/** What became of contents that were to be staged, and their buffer. */
export interface WrittenPack {
  /** The buffer that was handed in. */
  readonly buffer: ArrayBuffer;
  /** In the order of the contents. Of "bad-hash" the bytes belong to another id. */
  readonly outcomes: readonly (StagedContent | "bad-hash" | DiskFailure)[];
}

/** What became of a block of a partial file, and the buffer that it was in. */
export interface LandedBlock {
  readonly buffer: ArrayBuffer;
  readonly outcome: "landed" | "bad-hash" | DiskFailure;
}

/** Bytes of a local file that are said to be the same as those at `to` of a wanted content. */
export interface Copying {
  readonly from: LocalContent;
  /** Where they start in the local file. */
  readonly offset: number;
  readonly length: number;
  /** Where they start in the wanted content. */
  readonly to: number;
}

/** How a content is staged. */
export interface StageOptions {
  /** The bytes are on the disk for good (fsync) before they count as staged. */
  readonly durable: boolean;
}

/**
 * A large content on its way. Nobody else works on the same content until it is closed, with `finish` or
 * without.
 */
export interface PartialContent extends AsyncDisposable {
  /** The blocks that are right. Grows with `land`, `assemble` and `verify`. */
  readonly have: Bitfield;
  /**
   * Verifies the block at `index`, whose bytes start `buffer`, and writes it. Where `durable`, what was written
   * goes to the disk now and then, so that `finish` has less to wait for.
   */
  land(index: number, buffer: ArrayBuffer, options: StageOptions): Promise<LandedBlock>;
  /**
   * Copies bytes of local files to the places of the blocks that are not right yet. Blocks that are made of
   * nothing else are verified on the way. Files that have changed or cannot be read are passed over. `durable` as
   * for `land`.
   *
   * @param copies In the order of their places, without overlaps.
   */
  assemble(
    copies: readonly Copying[],
    options: StageOptions & { readonly signal: AbortSignal },
  ): Promise<DiskFailure | undefined>;
  /** Writes bytes, which start `buffer`, to the places of `ranges` one after the other, as they are. */
  write(
    ranges: readonly Range[],
    buffer: ArrayBuffer,
  ): Promise<{ readonly buffer: ArrayBuffer; readonly failure: DiskFailure | undefined }>;
  /** Compares these blocks with their hashes. */
  verify(indexes: readonly number[], signal: AbortSignal): Promise<void>;
  /** Stages the content, all of whose blocks are right, and closes it. */
  finish(options: StageOptions): Promise<StagedContent | DiskFailure>;
}

/** The half of a stage that only reads: what serving contents takes. */
export type ContentReader = Pick<
  Stage,
  "hashFiles" | "blockHashes" | "leafHashes" | "recipe" | "open" | "read"
>;

export interface Stage {
  /**
   * Hashes files, many small ones in a job. Yields one result for each, in their order. Only regular files
   * are opened, nothing is followed. The block hashes of large ones are remembered for `blockHashes`.
   * Throws the signal's reason.
   */
  hashFiles(
    files: readonly LocalFile[],
    signal?: AbortSignal,
  ): AsyncIterable<ContentId | DiskFailure>;
  /** The hashes of a content's blocks of the usual size, remembered or made from the file. */
  blockHashes(content: LocalContent): Promise<Uint8Array | DiskFailure>;
  /** The hashes of the leaves that a range of a content has, if the first one starts where the range does. */
  leafHashes(content: LocalContent, range: Range): Promise<Uint8Array | DiskFailure>;
  /** The pieces that a range of a content is cut into, remembered or made from the file. */
  recipe(content: LocalContent, range: Range): Promise<Recipe | DiskFailure>;
  /** Opens a regular file for reading. Throws `Cannot open PATH: reason`. */
  open(path: string): OpenFile;
  /** Reads small contents into the front of `buffer`, which must have room for all of them. */
  read(contents: readonly LocalContent[], buffer: ArrayBuffer): Promise<ReadPack>;
  /** Verifies small contents, which lie in `buffer` one after the other, and stages each. */
  write(contents: readonly ContentToStage[], buffer: ArrayBuffer): Promise<WrittenPack>;
  /** Makes a folder for contents. Throws `Cannot write into PATH: reason`. */
  makeFolder(): StagedFolder;
  /**
   * Stages copies of local contents. They are hashed again only where the stamp does not say enough; a file
   * that is another one before or after its copy was made has "changed".
   */
  copy(
    contents: readonly LocalContent[],
    options: StageOptions,
  ): Promise<(StagedContent | DiskFailure)[]>;
  /**
   * Stages a copy of the first `size` bytes of a file, as they are, while others may go on writing it. What it
   * holds is up to the caller to find out; a file that is shorter has "changed".
   */
  snapshot(file: LocalFile): Promise<StagedContent | DiskFailure>;
  /** Makes ready for a large content that is about to be opened. */
  expectPart(content: ContentId): void;
  /**
   * The partial file of a large content, made anew, or found and verified as far as it goes. What was verified
   * before by the same stage need not be again. Waits until nobody else works on the same content. Throws the
   * signal's reason.
   *
   * @param hashes Its block hashes for blocks of the usual size; they lead to its id.
   */
  openPart(
    content: ContentId,
    hashes: Uint8Array,
    signal: AbortSignal,
  ): Promise<PartialContent | DiskFailure>;
  /** The content that somebody works on in its partial file. */
  growing(content: ContentId): GrowingContent | undefined;
  /** Brings files to the disk for good (fsync), wherever they are. Those that are gone will do. */
  makeDurable(paths: readonly string[]): Promise<DiskFailure | undefined>;
  /** Removes staged files. Those that are gone will do. */
  remove(paths: readonly string[]): Promise<void>;
  /** Removes the partial files of all contents but these, and of those that somebody works on. */
  keepParts(contents: readonly ContentId[]): Promise<void>;
}

/**
 * Whether a file whose stamp is `now` may be the one that had the stamp `remembered`: they are equal, or
 * `remembered` says that the file had been written so shortly before that its stamp might not change with the
 * next write (node/platform/file_state.ts). Then the bytes have to be verified, by the other side if not here.
 */
export function isPossiblySame(now: string, remembered: string): boolean {
  return remembered === now || remembered.startsWith(`${now}.racy`);
}
