/**
 * The steps by which a folder is changed in which others work at the same time, in an order in which neither
 * an edit in between nor a crash loses anything.
 *
 * A file that is replaced, moved or removed is first taken aside (aside.ts); a file gets a name only where
 * nothing has it. So whatever somebody else does to the folder meanwhile, either it is noticed and the
 * change is not made, or it happens after the change. A swap, for those who want a name that never misses
 * its file, cannot promise the same.
 */

import { checkName } from "../../protocol/path.ts";
import { errorNameOf, FileCallError, moveToFree } from "../store/file_calls.ts";
import type { FileCalls, FileInfo } from "../store/file_calls.ts";
import { Folders } from "../store/folders.ts";
import { Aside, isSameFile } from "./aside.ts";
import type { Steps } from "./aside.ts";
import { isLinkStamp, linkStamp } from "./live_folder.ts";
import type { Change, ChangeOutcome } from "./live_folder.ts";

type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;
/** Undefined where there is something else than was expected. */
type Outcome = ChangeOutcome | undefined;

const MAY_READ = 0o444;
const MAY_EXECUTE = 0o111;
const OWNER_MAY_EXECUTE = 0o100;
/** Who may read a file may execute it: from the one permission to the other. */
const READ_TO_EXECUTE = 2;

const DONE: ChangeOutcome = { done: true, stamp: "" };

/** Makes changes in one folder. Made anew for each batch, because others change the folder as well. */
export class ChangeSteps {
  readonly #calls: FileCalls;
  readonly #folders: Folders;
  readonly #aside: Aside;

  constructor(root: string, calls: FileCalls) {
    this.#calls = calls;
    this.#folders = new Folders(root, calls);
    this.#aside = new Aside(this.#folders, calls);
  }

  /** Makes one change. What goes wrong is its outcome. */
  *make(change: Change): Steps<ChangeOutcome> {
    try {
      return (yield* this.#make(change)) ?? "changed";
    } catch (error) {
      return this.#outcomeOf(change, error);
    }
  }

  #make(change: Change): Steps<Outcome> {
    switch (change.kind) {
      case "place":
        return change.expect === undefined
          ? this.#placeNew(change)
          : this.#replace(change, change.expect);
      case "swap":
        return this.#swap(change);
      case "link":
        return this.#link(change);
      case "move":
        return this.#move(change);
      case "mode":
        return this.#setMode(change);
      case "remove":
        return this.#remove(change);
      case "placeFolder":
        return this.#placeFolder(change);
      case "makeFolder":
        return this.#makeFolder(change);
      case "removeFolder":
        return this.#removeFolder(change);
    }
  }

  *#placeNew({ path, staged, executable }: ChangeOf<"place">): Steps<Outcome> {
    const target = this.#pathOf(path);
    this.#folders.makeFor(target);
    const file = this.#prepare(staged, { executable });
    yield;
    yield* moveToFree(this.#calls, staged, target);
    return this.#doneAt(target, file);
  }

  *#replace({ path, staged, executable, keep }: ChangeOf<"place">, expect: string): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (!this.#folders.leadTo(target)) return undefined;
    const old = yield* this.#aside.take({ path, expect, kind: "old" });
    if (old === undefined) return undefined;
    let file: FileInfo;
    let isKept = false;
    try {
      file = this.#prepare(staged, { executable, like: old.info });
      yield;
      if (keep !== undefined) isKept = yield* this.#keep(old.local, keep);
      yield* moveToFree(this.#calls, staged, target);
    } catch (error) {
      yield* this.#aside.putBack(path, "old");
      throw error;
    }
    yield;
    if (keep === undefined || isKept) this.#calls.remove(old.local);
    else this.#calls.rename(old.local, keep);
    return this.#doneAt(target, file);
  }

  /** Gives a file that is aside a second name under which it is kept. False where there are no links. */
  *#keep(local: string, keep: string): Steps<boolean> {
    try {
      return this.#calls.link(local, keep);
    } catch (error) {
      if (errorNameOf(error) !== "EEXIST") throw error;
      this.#calls.remove(keep);
      yield;
      return this.#calls.link(local, keep);
    }
  }

  *#swap({ path, staged, executable, expect }: ChangeOf<"swap">): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (!this.#isStill(target, expect)) return undefined;
    const old = isLinkStamp(expect) ? undefined : this.#calls.look(target);
    const file = this.#prepare(
      staged,
      old === undefined ? { executable } : { executable, like: old },
    );
    yield;
    if (!this.#isStill(target, expect)) return undefined;
    this.#calls.rename(staged, target);
    return this.#doneAt(target, file);
  }

  *#link({ path, target: says, temporary, expect }: ChangeOf<"link">): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (expect === undefined) {
      this.#folders.makeFor(target);
      this.#calls.makeLink(target, says);
      return DONE;
    }
    if (!this.#isStill(target, expect)) return undefined;
    this.#calls.makeLink(temporary, says);
    yield;
    this.#calls.rename(temporary, target);
    return DONE;
  }

  /** Whether the file or link at a local path is the one that was expected. */
  #isStill(target: string, expect: string): boolean {
    if (!this.#folders.leadTo(target)) return false;
    if (!isLinkStamp(expect)) return this.#calls.look(target)?.stamp === expect;
    const says = this.#calls.readLink(target);
    return says !== undefined && linkStamp(says) === expect;
  }

  *#move({ from, path, expect, executable }: ChangeOf<"move">): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (!this.#folders.leadTo(this.#pathOf(from))) return undefined;
    this.#folders.makeFor(target);
    const moved = yield* this.#aside.take({ path: from, expect, kind: "moved" });
    if (moved === undefined) return undefined;
    let file: FileInfo;
    try {
      file = this.#prepare(moved.local, { executable });
      yield;
      yield* moveToFree(this.#calls, moved.local, target);
    } catch (error) {
      yield* this.#aside.putBack(from, "moved");
      throw error;
    }
    return this.#doneAt(target, file);
  }

  *#setMode({ path, executable, expect }: ChangeOf<"mode">): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (!this.#folders.leadTo(target)) return undefined;
    const before = this.#calls.look(target);
    if (before?.kind !== "file" || before.stamp !== expect) return undefined;
    yield;
    const mode = modeOf(before.mode, executable);
    if (mode !== before.mode) this.#calls.setMode(target, mode, before.inode);
    yield;
    const after = this.#calls.look(target);
    if (after === undefined || !isSameFile({ ...before, mode }, after)) return undefined;
    return { done: true, stamp: after.seenStamp };
  }

  *#remove({ path, expect, keep }: ChangeOf<"remove">): Steps<Outcome> {
    if (isLinkStamp(expect)) return this.#removeLink(this.#pathOf(path), expect);
    if (!this.#folders.leadTo(this.#pathOf(path))) return undefined;
    const old = yield* this.#aside.take({ path, expect, kind: "old" });
    if (old === undefined) return undefined;
    yield;
    try {
      if (keep === undefined) this.#calls.remove(old.local);
      else this.#calls.rename(old.local, keep);
    } catch (error) {
      yield* this.#aside.putBack(path, "old");
      throw error;
    }
    return DONE;
  }

  #removeLink(target: string, expect: string): Outcome {
    if (!this.#isStill(target, expect)) return undefined;
    this.#calls.remove(target);
    return DONE;
  }

  *#placeFolder({ path, staged, files }: ChangeOf<"placeFolder">): Steps<Outcome> {
    const target = this.#pathOf(path);
    this.#folders.makeFor(target);
    // The stamps last: to rename a folder changes nothing of what is in it.
    const stamps = files.map(({ name, executable }) =>
      this.#finishFile(`${staged}/${name}`, executable)
    );
    yield;
    // To rename a folder would replace an empty one, with somebody else's permissions.
    if (this.#calls.look(target) !== undefined) return undefined;
    this.#calls.rename(staged, target);
    return { done: true, stamp: "", stamps };
  }

  /** Gives a file that nobody else sees its mode. Answers the stamp that it has then. */
  #finishFile(local: string, executable: boolean): string {
    const { seenStamp } = this.#prepare(local, { executable });
    // What is staged cannot be executed before; with that permission it has another stamp.
    return executable ? this.#calls.look(local)!.seenStamp : seenStamp;
  }

  // deno-lint-ignore require-yield -- it is a single step
  *#makeFolder({ path }: ChangeOf<"makeFolder">): Steps<Outcome> {
    this.#folders.makeFor(`${this.#pathOf(path)}/`);
    return DONE;
  }

  // deno-lint-ignore require-yield -- it is a single step
  *#removeFolder({ path }: ChangeOf<"removeFolder">): Steps<Outcome> {
    const target = this.#pathOf(path);
    if (!this.#folders.leadTo(target)) return DONE;
    try {
      this.#calls.removeFolder(target);
    } catch (error) {
      switch (errorNameOf(error)) {
        case "ENOENT":
          break;
        case "ENOTEMPTY":
        case "EEXIST":
          return "not-empty";
        default:
          throw error;
      }
    }
    this.#folders.forget(target);
    return DONE;
  }

  #pathOf(path: string): string {
    return `${this.#folders.root}/${checkName(path)}`;
  }

  /** Gives a file that nobody else sees its mode: as it is, or like that of another file. */
  #prepare(
    local: string,
    { executable, like }: { readonly executable: boolean; readonly like?: FileInfo },
  ): FileInfo {
    const info = this.#calls.look(local);
    if (info === undefined) throw new FileCallError("ENOENT", `${local} is gone`);
    const mode = modeOf((like ?? info).mode, executable);
    if (mode !== info.mode) this.#calls.setMode(local, mode, info.inode);
    return { ...info, mode };
  }

  /** A file has its name now. The stamp of one that was edited since then is not the edited file's. */
  #doneAt(target: string, file: FileInfo): ChangeOutcome {
    const info = this.#calls.look(target);
    const isOurs = info !== undefined && isSameFile(file, info);
    return { done: true, stamp: isOurs ? info.seenStamp : file.stamp };
  }

  #outcomeOf(change: Change, error: unknown): ChangeOutcome {
    switch (errorNameOf(error)) {
      case "EEXIST":
      case "ENOTDIR":
        if (!this.#hasObstacle(change.path)) return "changed";
        break;
      case "ENOENT": {
        const isStagedGone = (change.kind === "place" || change.kind === "swap") &&
          this.#calls.look(change.staged) === undefined;
        if (!isStagedGone) return "changed";
      }
    }
    return this.#calls.failure(`${ACTIONS[change.kind]} ${change.path}`, error);
  }

  /** Whether something at the path, or on the way to it, is neither a file nor a folder: it will stay. */
  #hasObstacle(path: string): boolean {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
      const found = this.#calls.look(this.#pathOf(path.slice(0, end)));
      if (found?.kind !== "folder") return found?.kind === "other";
    }
    return this.#calls.look(this.#pathOf(path))?.kind === "other";
  }
}

const ACTIONS = {
  place: "write",
  swap: "write",
  link: "make the link",
  move: "write",
  placeFolder: "write",
  mode: "change the mode of",
  remove: "remove",
  makeFolder: "make the folder",
  removeFolder: "remove the folder",
} as const satisfies Record<Change["kind"], string>;

/** The permission bits with or without that to execute. */
function modeOf(mode: number, executable: boolean): number {
  if (!executable) return mode & ~MAY_EXECUTE;
  return (mode & OWNER_MAY_EXECUTE) !== 0 ? mode : mode | ((mode & MAY_READ) >> READ_TO_EXECUTE);
}
