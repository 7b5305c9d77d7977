/**
 * The folder `.p2pnode/` that p2pnode keeps for itself in each folder it works in.
 *
 *     .p2pnode/lock          locked while a process works here; holds its process id
 *     .p2pnode/parts/        files that are being fetched
 *       KEY.part             the blocks that have come so far, the rest is a hole
 *       N.whole              a small file on its way to its name
 *     .p2pnode/aside/        files that are being replaced, of a folder that is synced or copied to (node/folder/aside.ts)
 *
 * The lock belongs to the open file, so the system ends it with the process, however that ends. Whoever
 * has the lock may remove what a crash left behind. When all is done and nothing is left, the folder goes.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { failureOf, reasonOf } from "./disk_failure.ts";
import { kindOf } from "./file_state.ts";

const LOCK = "lock";
const PARTS = "parts";
const ASIDE = "aside";
const PART_SUFFIX = ".part";
const WHOLE_SUFFIX = ".whole";

/** How often the lock's file may be removed by its last owner while we reach for it. */
const LOCK_ATTEMPTS_MAX = 10;

/** The private folder of a root, locked. */
export class PrivateFolder implements Disposable {
  readonly #path: string;
  readonly #lock: Deno.FsFile;
  #temporaryCount = 0;

  private constructor(path: string, lock: Deno.FsFile) {
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Makes and locks the private folder of `root` and removes what a crash left in it.
   *
   * @throws {Error} `Cannot use ROOT: reason` or `Cannot write into ROOT: reason`.
   */
  static open(root: string): PrivateFolder {
    const path = `${root}/${PRIVATE_FOLDER}`;
    const lock = lockFolder(root, path);
    try {
      const folder = new PrivateFolder(path, lock);
      makeFolder(folder.#parts);
      folder.#removeTemporary();
      return folder;
    } catch (error) {
      lock.close();
      throw unwritable(root, error);
    }
  }

  get #parts(): string {
    return `${this.#path}/${PARTS}`;
  }

  /** The path of the partial file with that key. */
  partPath(key: string): string {
    if (!/^[0-9A-Za-z-]+$/.test(key)) {
      throw new Error(`Cannot keep a partial file under the key ${JSON.stringify(key)}`);
    }
    return `${this.#parts}/${key}${PART_SUFFIX}`;
  }

  /** The keys of all partial files. */
  partKeys(): string[] {
    return [...Deno.readDirSync(this.#parts)]
      .filter(({ name }) => name.endsWith(PART_SUFFIX))
      .map(({ name }) => name.slice(0, -PART_SUFFIX.length));
  }

  /** Whether the folder and its root are still those that were opened. */
  isInPlace(): boolean {
    return isStillAt(`${this.#path}/${LOCK}`, this.#lock);
  }

  /** A path for a temporary file that was not used before. */
  temporaryPath(): string {
    return `${this.#parts}/${this.#temporaryCount++}${WHOLE_SUFFIX}`;
  }

  #removeTemporary(): void {
    for (const { name } of Deno.readDirSync(this.#parts)) {
      if (name.endsWith(WHOLE_SUFFIX)) Deno.removeSync(`${this.#parts}/${name}`);
    }
  }

  /** Removes what is empty and unlocks. */
  [Symbol.dispose](): void {
    try {
      this.#removeIfEmpty();
    } finally {
      this.#lock.close();
    }
  }

  #removeIfEmpty(): void {
    try {
      for (const name of [PARTS, ASIDE]) removeIfEmpty(`${this.#path}/${name}`);
      const rest = [...Deno.readDirSync(this.#path)];
      if (rest.some(({ name }) => name !== LOCK)) return;
      Deno.removeSync(`${this.#path}/${LOCK}`);
      Deno.removeSync(this.#path);
    } catch {
      // A folder that is not empty stays, and so does one that somebody took away or protected.
    }
  }
}

/** Locks the private folder at `path`, which it makes on the way. */
function lockFolder(root: string, path: string): Deno.FsFile {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt++) {
    const lock = openLock(root, path);
    if (lock === undefined) continue;
    if (!tryLock(root, lock)) {
      const owner = ownerOf(lock);
      lock.close();
      throw new Error(
        `Cannot use ${root}: another p2pnode works in it (${owner}; stop it, or use another folder)`,
      );
    }
    if (isStillAt(`${path}/${LOCK}`, lock)) {
      lock.truncateSync(0);
      lock.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
      return lock;
    }
    // Its last owner removed the file between our opening and our locking it.
    lock.close();
  }
  throw new Error(`Cannot use ${root}: its ${PRIVATE_FOLDER} comes and goes (try again)`);
}

/** Opens the file to lock, or answers `undefined` where the folder was removed meanwhile. */
function openLock(root: string, path: string): Deno.FsFile | undefined {
  try {
    makeFolder(path);
    const lock = `${path}/${LOCK}`;
    requireKind(lock, "isFile");
    return Deno.openSync(lock, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unwritable(root, error);
  }
}

function tryLock(root: string, lock: Deno.FsFile): boolean {
  try {
    return lock.tryLockSync(true);
  } catch (error) {
    lock.close();
    throw new Error(`Cannot lock ${root}: ${reasonOf(error)}`);
  }
}

/** Who has the lock, as far as its file tells. */
function ownerOf(lock: Deno.FsFile): string {
  const bytes = new Uint8Array(16);
  const size = lock.readSync(bytes) ?? 0;
  const id = parseInt(new TextDecoder().decode(bytes.subarray(0, size)));
  return Number.isNaN(id) ? "it is just starting" : `process ${id}`;
}

/** Removes a folder. Throws where something is in it. */
function removeIfEmpty(path: string): void {
  if (requireKind(path, "isDirectory")) Deno.removeSync(path);
}

function isStillAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [found, locked] = [Deno.lstatSync(path), file.statSync()];
    return found.ino === locked.ino && found.dev === locked.dev;
  } catch {
    return false;
  }
}

/** Makes a folder, unless it is there. Never takes a symbolic link for one. */
function makeFolder(path: string): void {
  if (requireKind(path, "isDirectory")) return;
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    requireKind(path, "isDirectory");
  }
}

/** Whether there is something at `path`. Throws where it is not of that kind. */
function requireKind(path: string, kind: "isFile" | "isDirectory"): boolean {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  if (!info[kind]) throw new Error(`${path} is ${kindOf(info)} (move it away)`);
  return true;
}

function unwritable(root: string, reason: unknown): Error {
  const { error, code } = failureOf(`write into ${root}`, reason);
  return new Error(code === "denied" ? `${error} (use a folder that you may write to)` : error);
}
