/**
 * An entry of a tree that is copied, as its source lists it, and the checks that it passes before anything else
 * sees it.
 *
 * A source is not trusted. A path that is not safe, lies outside of what was asked for, or leads through
 * something that is no folder breaks the protocol and ends the connection. A link that would lead out of the
 * copy is passed over like anything else that cannot be copied.
 */

import { ErrorCode, ProtocolError } from "../../protocol/errors.ts";
import type { BodyOf } from "../../protocol/messages.ts";
import {
  checkName,
  folderOf,
  foldersAbove,
  isAtOrBelow,
  nameProblem,
} from "../../protocol/path.ts";

/** An entry as it travels. */
export type WireTreeEntry = BodyOf<"treeEntries">["entries"][number];

/** A checked entry. Its path is safe, from the top of what the source offers; that of "skipped" may be anything. */
export interface TreeEntry extends WireTreeEntry {
  /** By which it is settled. */
  readonly number: number;
}

/** How much there is in a tree, by the source's first look. */
export interface TreeTotals {
  /** Regular files, and the bytes in them. */
  readonly fileCount: number;
  readonly byteCount: number;
  /** Folders, links, and what is skipped. */
  readonly otherCount: number;
}

/** A tree may grow while it is listed: to twice of what was counted, and by so many entries. */
const GROWTH_COUNT_MAX = 10_000;
/** More entries than anybody has; each folder costs some memory here. */
const ENTRY_COUNT_MAX = 2 ** 26;

/** Checks the entries of one listing, in their order. */
export class EntryCheck {
  readonly #requested: string;
  readonly #countMax: number;
  /** The folders that entries may be in: those listed, and those that lead to what was asked for. */
  readonly #folders = new Set([""]);
  #count = 0;

  /** @param requested The path that was asked for, "" for all. */
  constructor(requested: string, { fileCount, otherCount }: TreeTotals) {
    this.#requested = requested;
    this.#countMax = Math.min(ENTRY_COUNT_MAX, 2 * (fileCount + otherCount) + GROWTH_COUNT_MAX);
    for (const folder of [...foldersAbove(requested), requested]) this.#folders.add(folder);
  }

  /** Answers the next entry, numbered. Throws a `ProtocolError` where it breaks a rule. */
  check(entry: WireTreeEntry): TreeEntry {
    const number = this.#count++;
    if (this.#count > this.#countMax) {
      throw new ProtocolError(
        ErrorCode.limit,
        "Cannot copy the tree: far more is listed than was counted",
      );
    }
    if (entry.kind === "skipped") return { ...entry, number };
    this.#checkPlace(entry);
    if (entry.kind !== "link") return { ...entry, number };
    const problem = linkProblem(entry.path, entry.target);
    if (problem === undefined) return { ...entry, number };
    return { ...entry, number, kind: "skipped", target: problem };
  }

  #checkPlace({ path, kind }: WireTreeEntry): void {
    checkName(path);
    const requested = this.#requested;
    if (!isAtOrBelow(path, requested)) throw misplaced(path, "it was not asked for");
    if (!this.#folders.has(folderOf(path))) throw misplaced(path, "it is in no folder");
    if (kind === "folder") this.#folders.add(path);
    else if (path === requested) this.#folders.delete(path);
    else if (this.#folders.has(path)) throw misplaced(path, "it was a folder before");
  }
}

const LEADS_OUT = "it is a link that leads out of the tree";

/**
 * Why a link at `path` may lead out of the copy, or undefined when it stays inside. Whatever other links are
 * there, it does so if it first goes up, over folders that were made here, and then down only. A "." on the way
 * leads nowhere.
 */
export function linkProblem(path: string, target: string): string | undefined {
  if (target.startsWith("/")) return LEADS_OUT;
  const depth = path.split("/").length - 1;
  const steps = target.split("/").filter((step) => step !== ".");
  const down = steps.findIndex((step) => step !== "..");
  const upCount = down === -1 ? steps.length : down;
  if (upCount > depth) return LEADS_OUT;
  const rest = steps.slice(upCount).join("/");
  // Nothing is left of "..", "../" and ".".
  if (target !== "" && rest === "" || nameProblem(rest) === undefined) return undefined;
  return "it is a link whose target cannot be used";
}

function misplaced(path: string, reason: string): ProtocolError {
  return new ProtocolError(ErrorCode.malformed, `Cannot take the entry ${path}: ${reason}`);
}
