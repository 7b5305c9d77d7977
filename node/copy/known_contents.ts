/**
 * What is remembered of the files in a folder that trees are copied to: which content each was seen to have.
 *
 * So a run after another need not read what has not changed. It is only a cache: what is forgotten is hashed
 * again. The real one is node/platform/known_file.ts.
 */

export interface KnownContents {
  /** The id of the content that the file at `path` has as long as it has this stamp; undefined if not known. */
  find(path: string, stamp: string): Uint8Array | undefined;
  /** The file at `path` had this content when it had this stamp. May be found from the next `keepOnly` on only. */
  remember(path: string, stamp: string, id: Uint8Array): void;
  /**
   * Forgets the files at and below `start`, "" for the whole folder, whose paths are not in `present`. Comes
   * before files are looked for.
   */
  keepOnly(start: string, present: { has(path: string): boolean }): void;
}
