/**
 * Tells what a syncing device does. Scripts hear of everything. People hear of every single change as long
 * as there are few; of a burst they see the beginning, and how many more there were.
 */

import { addressText } from "../../protocol/address.ts";
import type { Address, Clock } from "../../protocol/ports.ts";
import type { FolderCount, HeldDeletions, SyncEvent } from "../sync/client.ts";
import type { Entry } from "../sync/entry.ts";
import { counted } from "../text/counted.ts";
import { formatSize } from "../text/size.ts";
import { entryFields, folderCountText } from "./sync_lists.ts";
import type { Telling } from "./telling.ts";

/** So many changes are shown one by one … */
const SHOWN_COUNT_MAX = 20;
/** … within this time; of the others only the number. */
const BURST_MS = 1_000;

export interface SyncEventsOptions {
  readonly telling: Telling;
  readonly clock: Clock;
  readonly user: string;
  readonly device: string;
  readonly server: Address;
  /** Where the folder is. */
  readonly root: string;
  /** Whether somebody is there who can answer a question. */
  readonly canAsk: boolean;
  /** What is in the folder, for the line that says that all is the same. */
  readonly count: () => FolderCount;
}

/** Of so many paths it is remembered what was said of them last. */
const PROBLEMS_MAX = 1_000;

/** Takes the events of a device. */
export class SyncEvents {
  readonly #options: SyncEventsOptions;
  /** When the present burst began, and how many changes of it were shown, or only counted. */
  #burstMs = -Infinity;
  #shownCount = 0;
  #hiddenCount = 0;
  /** Whether the last that was heard of the server is that it cannot be reached. */
  #isAway = false;
  /** Whether something was told since people last heard that all is the same. */
  #hasNews = true;
  /** By path, why it is not synced, as people heard last; the device tries again and again. */
  readonly #problems = new Map<string, string>();

  constructor(options: SyncEventsOptions) {
    this.#options = options;
  }

  take(event: SyncEvent): void {
    const { telling } = this.#options;
    switch (event.kind) {
      case "online":
        return this.#online();
      case "offline":
        return this.#offline(event.reason);
      case "listed":
        return telling.tell("listed", {});
      case "synced":
        return this.#synced();
      case "sent":
      case "received":
        return this.#changed(event.kind, event.entry);
      case "conflict":
        return telling.tell(
          "conflict",
          { name: event.path, copy: event.copy },
          `conflict: ${event.path} was changed on two devices; what was here is now ${event.copy}`,
        );
      case "skipped":
        return telling.tell(
          "skipped",
          { name: event.path, reason: event.reason },
          this.#isNews(event.path, event.reason) ? `skipped ${event.path}: ${event.reason}` : "",
        );
      case "held":
        return this.#held(event.deletions);
      case "trouble": {
        const { path, reason } = event;
        return telling.tell(
          "trouble",
          { ...(path === undefined ? {} : { name: path }), reason },
          path === undefined || this.#isNews(path, reason) ? reason : "",
        );
      }
    }
  }

  #online(): void {
    const { telling, user, device, server, root } = this.#options;
    this.#isAway = false;
    this.#hasNews = true;
    telling.tell(
      "online",
      { user, device, ...server, folder: root },
      `online as ${device}: ${root} is kept the same as ${user} at ${addressText(server)}`,
    );
  }

  /** People hear once that the server is away, not of each attempt to reach it. */
  #offline(reason: string): void {
    this.#flush();
    const { telling, server } = this.#options;
    const text = `offline: ${addressText(server)}: ${reason} (it is tried again until it works)`;
    telling.tell("offline", { reason }, this.#isAway ? "" : text);
    this.#isAway = true;
  }

  #synced(): void {
    this.#flush();
    const { telling, count } = this.#options;
    // Counting takes a look at each entry, which is too much after every change.
    const text = this.#hasNews && !telling.isJson ? `in sync: ${folderCountText(count())}` : "";
    telling.tell("synced", {}, text);
    this.#hasNews = false;
  }

  /** Whether people have not heard this of the path yet. */
  #isNews(path: string, reason: string): boolean {
    if (this.#problems.get(path) === reason) return false;
    if (this.#problems.size >= PROBLEMS_MAX) this.#problems.clear();
    this.#problems.set(path, reason);
    return true;
  }

  #changed(what: "sent" | "received", entry: Entry): void {
    const { telling, clock } = this.#options;
    this.#problems.delete(entry.path);
    const nowMs = clock.now();
    if (nowMs - this.#burstMs >= BURST_MS) {
      this.#flush();
      this.#burstMs = nowMs;
      this.#shownCount = 0;
    }
    const isShown = this.#shownCount < SHOWN_COUNT_MAX;
    if (isShown) this.#shownCount++;
    else this.#hiddenCount++;
    if (telling.isJson) telling.tell(what, entryFields(entry));
    else if (isShown) telling.tell(what, {}, changeText(what, entry));
    if (this.#hiddenCount > 0) this.#hasNews = true;
  }

  #held({ count, total, examples }: HeldDeletions): void {
    this.#flush();
    this.#hasNews = true;
    const { telling, canAsk } = this.#options;
    const rest = count > examples.length ? ", …" : "";
    const gone = `${counted(count, "file")} of ${total} went away here: ${
      examples.join(", ")
    }${rest}`;
    const question = "Shall they be deleted on the server and the other device as well? " +
      "yes deletes them, no brings them back";
    telling.tell(
      "held",
      { deletions: count, files: total, examples },
      canAsk ? `${gone}. ${question}` : gone,
    );
  }

  /** Tells how many changes were only counted. */
  #flush(): void {
    if (this.#hiddenCount === 0) return;
    const text = `and ${counted(this.#hiddenCount, "more change")}`;
    if (!this.#options.telling.isJson) this.#options.telling.tell("more", {}, text);
    this.#hiddenCount = 0;
  }
}

function changeText(what: "sent" | "received", { path, kind, size }: Entry): string {
  const verb = what === "sent" ? "sent" : "got";
  if (kind === "folder") return `${verb} ${path}/`;
  if (kind === "file") return `${verb} ${path} (${formatSize(size)})`;
  return what === "sent" ? `sent the deletion of ${path}` : `deleted ${path}`;
}
