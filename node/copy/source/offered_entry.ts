/** An entry of an offered tree on its way from the walk to the client: what is known of it by now, and how it is listed. */

import { cutToSize } from "../../../protocol/fields.ts";
import { NAME_SIZE_MAX } from "../../../protocol/path.ts";
import { TARGET_SIZE_MAX } from "../../../protocol/tree_messages.ts";
import type { DiskFailure } from "../../store/disk.ts";
import type { WireTreeEntry } from "../tree_entry.ts";
import type { HashListener, IdentifiedContent } from "./hash_workers.ts";
import type { SourceEntry } from "./ports.ts";

/** What stands for the id of what is no file. */
const NO_ID = new Uint8Array(32);

/** What all entries of a tree share. */
export interface OfferedEntryOptions {
  /** Aborted when nobody is interested any more. */
  readonly signal: AbortSignal;
  /** An entry can be listed now. */
  readonly ready: () => void;
}

/** An entry, and what is known of it by now. */
export class OfferedEntry implements HashListener {
  readonly entry: SourceEntry;
  content: IdentifiedContent | undefined;
  /** The content's name in maps, once it is listed. */
  key: string | undefined;
  wasAskedFor = false;
  #failure: DiskFailure | undefined;
  readonly #options: OfferedEntryOptions;

  constructor(entry: SourceEntry, options: OfferedEntryOptions) {
    this.entry = entry;
    this.#options = options;
  }

  get isFile(): boolean {
    return this.entry.kind === "file";
  }

  get isWaiting(): boolean {
    return !this.#options.signal.aborted;
  }

  /** Whether it can be listed. */
  get isReady(): boolean {
    return !this.isFile || this.content !== undefined || this.#failure !== undefined;
  }

  /** Whether it is not there any more, so that there is nothing to list. */
  get isGone(): boolean {
    return this.#failure?.code === "missing";
  }

  hashed(result: IdentifiedContent | DiskFailure): void {
    if ("error" in result) this.#failure = result;
    else this.content = result;
    this.#options.ready();
  }

  toWire(): WireTreeEntry {
    const { path, kind, executable, target } = this.entry;
    if (this.content !== undefined) {
      const { id, size } = this.content;
      return { path, kind, id, size, executable, target };
    }
    const isSkipped = kind === "skipped" || this.#failure !== undefined;
    return {
      path: isSkipped ? cutToSize(path, NAME_SIZE_MAX) : path,
      kind: isSkipped ? "skipped" : kind,
      id: NO_ID,
      size: 0,
      executable: false,
      target: cutToSize(this.#failure?.error ?? target, TARGET_SIZE_MAX),
    };
  }
}
