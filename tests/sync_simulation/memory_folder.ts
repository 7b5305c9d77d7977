/**
 * The folder port of sync over a simulated disk, as one process sees it.
 *
 * It makes changes with the same steps as the real one (node/sync/change_steps.ts), with a pause between them
 * in which the process may end and others may change the folder. Hints come late, or not at all.
 */

import type { SyncFolder } from "../../node/sync/folder.ts";
import type { MemoryFiles } from "./memory_files.ts";

export interface MemoryFolderOptions {
  /**
   * Waits between two steps of whatever the folder does; never resolves once the process has ended. Without
   * it, there is no waiting.
   */
  readonly pause?: () => Promise<void>;
  /** Whether a hint is lost; none is without it. */
  readonly isLost?: () => boolean;
  /** Whether there is a pause before the next step of a change; without it before each change only. */
  readonly isSlow?: () => boolean;
}

export declare class MemoryFolder implements SyncFolder {
  readonly root: string;
  /** Opens the folder at the local path `root`, as a process does when it starts: puts right what a crash left. */
  constructor(files: MemoryFiles, root: string, options?: MemoryFolderOptions);
  isIntact: SyncFolder["isIntact"];
  look: SyncFolder["look"];
  watch: SyncFolder["watch"];
  open: SyncFolder["open"];
  pathOf: SyncFolder["pathOf"];
  change: SyncFolder["change"];
  /** A local path in the private area for a temporary file, never used before. */
  temporaryPath(): string;
  /** Replaces the folder: it is not intact any more. */
  replace(): void;
}
