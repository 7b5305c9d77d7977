/**
 * Copies of files that never hold still, such as a log: such a file is another one before the server has read
 * it, so what it held at one moment is sent from a copy.
 *
 * There is one copy of a path at most, until the server has stored it; the stage removes what is left of
 * them at the next start.
 */

import type { DiskFailure } from "../../store/disk.ts";
import { contentKey } from "../../transfer/contents.ts";
import type { ContentId, LocatedContent } from "../../transfer/contents.ts";
import type { LocalFile, Stage } from "../../transfer/stage.ts";

/** In place of a file's stamp, where only a copy holds what is known of it. No file has this stamp. */
export const SNAPSHOT_STAMP = "snapshot";

interface Snapshot {
  readonly key: string;
  readonly located: LocatedContent;
}

export class Snapshots {
  readonly #stage: Stage;
  readonly #byPath = new Map<string, Snapshot>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /**
   * Copies what the file that is synced as `path` holds now, in place of what was copied before. Answers
   * the content. Throws the signal's reason.
   */
  async take(
    path: string,
    file: LocalFile,
    signal: AbortSignal,
  ): Promise<ContentId | DiskFailure> {
    const copy = await this.#stage.snapshot(file);
    if ("error" in copy) return copy;
    const { staged } = copy;
    for await (
      const content of this.#stage.hashFiles([{ path: staged, size: file.size }], signal)
    ) {
      if ("error" in content) return content;
      this.drop(path);
      const located = { ...content, path: staged, stamp: this.#stampOf(staged) };
      this.#byPath.set(path, { key: contentKey(content), located });
      return content;
    }
    throw new Error(`Cannot hash ${staged}: no result came`);
  }

  /** Where a content is copied; the answer's `path` is a local one. */
  find(content: ContentId): LocatedContent | undefined {
    if (this.#byPath.size === 0) return undefined;
    const wanted = contentKey(content);
    return this.#byPath.values().find(({ key }) => key === wanted)?.located;
  }

  /** Whether a local path is that of a copy. */
  has(localPath: string): boolean {
    return this.#byPath.values().some(({ located }) => located.path === localPath);
  }

  /** Nobody needs the copy of a path any more. */
  drop(path: string): void {
    const snapshot = this.#byPath.get(path);
    if (snapshot === undefined) return;
    this.#byPath.delete(path);
    // What stays behind is removed at the next start.
    this.#stage.remove([snapshot.located.path]).catch(() => {});
  }

  #stampOf(staged: string): string {
    const file = this.#stage.open(staged);
    try {
      return file.state().stamp;
    } finally {
      file.close();
    }
  }
}
