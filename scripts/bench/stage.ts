/**
 * The ground that workloads run on: a temporary folder with sources, which are made once, and with a new
 * destination for each run; and a machine that is in the same state before each run.
 *
 * Two things spoil figures on a virtual machine. Memory that was free for some seconds has gone back to
 * the host, and to get it again takes two seconds per GiB: so a file is written and removed right before
 * each run, whose pages the run then gets. (Memory of a process would not do: it is freed in large pieces,
 * which new files are given last.) And ext4 steps over each recently deleted inode for minutes: so folders
 * of many files stay until the end.
 */

import { dirname, join } from "node:path";
import { randomFile, sameFile } from "../../tests/files.ts";

const GIB = 1024 ** 3;
/** Memory to have at hand: what the largest workload takes for its copies and its processes. */
const WARM_SIZE = 2 * GIB;
const PIECE_SIZE = 1 << 20;
/** Sources are no larger than this where it is only to be seen that everything works. */
const SMOKE_FILE_SIZE_MAX = 4 * 1024 ** 2;
const SMOKE_FOLDER_COUNT_MAX = 4;
const SMOKE_FILE_COUNT_MAX = 5;
/** What is read only to be read goes here. */
const readThere = new Uint8Array(PIECE_SIZE);

export interface StageOptions {
  /** Tiny inputs, and memory as it is: only to see that everything works. */
  readonly isSmoke: boolean;
}

export class Stage implements AsyncDisposable {
  readonly isSmoke: boolean;
  readonly #root: string;
  #runCount = 0;

  private constructor(root: string, { isSmoke }: StageOptions) {
    this.#root = root;
    this.isSmoke = isSmoke;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const root = await Deno.makeTempDir({ prefix: "p2pnode-bench-" });
    // opentracker gives up root's rights and has to come in all the same.
    await Deno.chmod(root, 0o755);
    return new Stage(root, options);
  }

  /** A new, empty folder. */
  async newFolder(): Promise<string> {
    const path = join(this.#root, `run-${this.#runCount++}`);
    await Deno.mkdir(path);
    return path;
  }

  /** Removes a folder of few files. */
  async discard(folder: string): Promise<void> {
    await Deno.remove(folder, { recursive: true });
  }

  /** A folder with one file of random bytes, and nothing else until a peer shares it. */
  async fileSource(sizeWanted: number): Promise<FileSource> {
    const size = this.isSmoke ? Math.min(sizeWanted, SMOKE_FILE_SIZE_MAX) : sizeWanted;
    const folder = join(this.#root, `file-${size}`);
    const name = `${size}.bin`;
    const path = join(folder, name);
    if (await isMissing(path)) {
      await Deno.mkdir(folder);
      await randomFile(path, size, size);
    }
    return { folder, name, path, size };
  }

  /** A folder with `folderCount` folders of as many files of random bytes each. */
  async treeSource(shape: TreeShape): Promise<TreeSource> {
    const { folderCount, fileCount, size } = this.isSmoke ? tiny(shape) : shape;
    const folder = join(this.#root, `tree-${folderCount}-${fileCount}-${size}`);
    const names: string[] = [];
    for (let i = 0; i < folderCount; i++) {
      for (let j = 0; j < fileCount; j++) names.push(`folder-${i}/file-${j}.bin`);
    }
    if (await isMissing(folder)) {
      for (let i = 0; i < folderCount; i++) {
        await Deno.mkdir(join(folder, `folder-${i}`), { recursive: true });
      }
      for (const [seed, name] of names.entries()) await randomFile(join(folder, name), size, seed);
    }
    return { folder, names };
  }

  /** Brings the machine into the same state before each run: `paths` in the page cache, memory at hand. */
  async settle(paths: readonly string[]): Promise<void> {
    await new Deno.Command("sync").output();
    for (const path of paths) readThrough(path);
    if (!this.isSmoke) this.#warmMemory();
  }

  #warmMemory(): void {
    const path = join(this.#root, "warm");
    using file = Deno.openSync(path, { write: true, createNew: true });
    const zeros = new Uint8Array(PIECE_SIZE);
    for (let size = 0; size < WARM_SIZE; size += PIECE_SIZE) file.writeSync(zeros);
    Deno.removeSync(path);
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

/** One file in a folder. */
export interface FileSource {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

export interface TreeShape {
  readonly folderCount: number;
  /** Files in each folder. */
  readonly fileCount: number;
  /** Bytes in each file. */
  readonly size: number;
}

/** Many files below a folder. */
export interface TreeSource {
  readonly folder: string;
  /** Paths of all files, relative to the folder. */
  readonly names: readonly string[];
}

/** A tree of the same files, but few. */
function tiny({ folderCount, fileCount, size }: TreeShape): TreeShape {
  return {
    folderCount: Math.min(folderCount, SMOKE_FOLDER_COUNT_MAX),
    fileCount: Math.min(fileCount, SMOKE_FILE_COUNT_MAX),
    size,
  };
}

/** Throws unless the files of these names are the same below both folders, byte for byte. */
export async function compareFolders(
  source: string,
  copy: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    if (await sameFile(join(source, name), join(copy, name))) continue;
    throw new Error(`Cannot count this run: ${name} did not arrive as it was sent`);
  }
}

/** Makes hard links to the files of a tree in a folder, which is made. */
export async function linkTree({ folder, names }: TreeSource, into: string): Promise<void> {
  const made = new Set<string>();
  for (const name of names) {
    const path = join(into, name);
    const parent = dirname(path);
    if (!made.has(parent)) await Deno.mkdir(parent, { recursive: true });
    made.add(parent);
    await Deno.link(join(folder, name), path);
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch {
    return true;
  }
}

function readThrough(path: string): void {
  using file = Deno.openSync(path);
  while (file.readSync(readThere) !== null);
}
