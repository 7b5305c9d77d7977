/** The port to the user's files outside of a synced folder: where `upload` takes from, `download` puts to. */

export interface LocalFiles {
  /** The absolute path of what a user typed, with all links on the way resolved as far as it exists. */
  resolve(path: string): Promise<string>;
  isFolder(path: string): boolean;
  /**
   * Copies the regular file at `from`, or that a link there leads to, to `temporary`, where there is
   * nothing. Answers whether its owner may execute it. Throws `Cannot read FROM: reason`.
   */
  copyIn(from: string, temporary: string): Promise<{ readonly executable: boolean }>;
  /**
   * Copies a file to `to`, where it appears complete or not at all. Answers false when that has the same
   * bytes already. Throws `Cannot write TO: reason`, also where there is something else.
   */
  copyOut(from: string, to: string): Promise<boolean>;
  /** Whether two regular files have the same bytes. */
  haveSameBytes(a: string, b: string): Promise<boolean>;
  /** Removes a file, if there is one. */
  remove(path: string): Promise<void>;
}
