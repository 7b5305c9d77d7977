/**
 * The half of a stage on the local disk that only reads: hashing files and answering with their bytes, in worker
 * threads.
 *
 * Large files are shared out among the threads, small ones travel many in a message. How much is under way at
 * once is bounded, whatever the size of the files and their number.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import { blockSizeFor, HASH_SIZE, rootOfBlocks } from "../content/tree.ts";
import type { DiskFailure } from "../store/disk.ts";
import type { OpenFile } from "../store/folder.ts";
import { contentKey } from "../transfer/contents.ts";
import type { ContentId, Recipe } from "../transfer/contents.ts";
import type { Range } from "../transfer/ranges.ts";
import { isPossiblySame } from "../transfer/stage.ts";
import type { ContentReader, LocalContent, LocalFile, ReadPack } from "../transfer/stage.ts";
import type { HashedRange } from "./block_jobs.ts";
import type { DerivedCache } from "./derived_cache.ts";
import { failureOf, FileError } from "./disk_failure.ts";
import { lookAt, openRegular } from "./file_state.ts";
import { hashSteps } from "./hash_steps.ts";
import type { HashStep, LargeFile } from "./hash_steps.ts";
import { inOrder } from "./in_order.ts";
import { areKept, bufferFor } from "./kept_contents.ts";
import type { KeptContents } from "./kept_contents.ts";
import { makeRecipe } from "./recipe_making.ts";
import type { HashedFiles, StageJobs } from "./stage_jobs.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** What the stages of a process share. */
export interface SharedByStages {
  readonly pool: WorkerPool<StageJobs>;
  /** How many jobs of one call are under way at once: one that each worker does, and the next. */
  readonly width: number;
  readonly derived: DerivedCache;
  readonly kept: KeptContents;
}

/** Small files that were hashed. The contents of those that failed mean nothing. */
interface HashedSmall {
  readonly contents: readonly ContentId[];
  readonly hashed: HashedFiles;
}

/** What a job of hashing has found. */
type HashedStep =
  | HashedSmall
  | Extract<HashStep, { large: LargeFile }> & { readonly result: HashedRange | DiskFailure };

export class LocalReader implements ContentReader {
  readonly #shared: SharedByStages;
  readonly #root: string | undefined;

  /** @param root The folder that everything read is below, if it is only one: many small files are cheaper then. */
  constructor(shared: SharedByStages, root?: string) {
    this.#shared = shared;
    this.#root = root;
  }

  async *hashFiles(
    files: readonly LocalFile[],
    signal?: AbortSignal,
  ): AsyncGenerator<ContentId | DiskFailure, void> {
    signal?.throwIfAborted();
    const toHash = files.map((file) => ({ ...file, blockSize: blockSizeFor(file.size) }));
    const steps = inOrder(hashSteps(toHash), this.#shared.width, (step) => this.#hash(step));
    for await (const done of steps) {
      signal?.throwIfAborted();
      if ("contents" in done) {
        yield* this.#smallResults(done);
        continue;
      }
      const { large, run, last, result } = done;
      large.add(run.first, result);
      if (!last) continue;
      const { file: { size, blockSize }, hashes, failure } = large;
      const id = rootOfBlocks(hashes, blockSize, size);
      if (failure === undefined) rememberHashes(this.#shared, { id, size }, hashes);
      yield failure ?? { id, size };
    }
  }

  async #hash(step: HashStep): Promise<HashedStep> {
    const { pool } = this.#shared;
    if ("small" in step) {
      const files = step.small.map(({ path, size, expect }) => ({ path, size, expect }));
      return await this.#hashSmall(files);
    }
    const { large, run } = step;
    if (large.failure !== undefined) return { ...step, result: large.failure };
    const range = { ...large.file, first: run.first };
    return { ...step, result: await pool.run("hashRange", { range, count: run.count }) };
  }

  async #hashSmall(files: readonly LocalFile[]): Promise<HashedSmall> {
    const { pool, kept } = this.#shared;
    if (!areKept(files)) return identified(files, await pool.run("hashFiles", { files }));
    const buffer = bufferFor(files);
    const root = this.#root;
    const hashed = await pool.run("hashIntoBuffer", { root, files, buffer }, [buffer]);
    const small = identified(files, hashed);
    kept.add(small.contents, hashed.failures.map(([index]) => index), hashed.buffer);
    return small;
  }

  #smallResults({ contents, hashed }: HashedSmall): readonly (ContentId | DiskFailure)[] {
    for (const [i, hashes] of hashed.hashes) rememberHashes(this.#shared, contents[i]!, hashes);
    if (hashed.failures.length === 0) return contents;
    const results: (ContentId | DiskFailure)[] = [...contents];
    for (const [i, failure] of hashed.failures) results[i] = failure;
    return results;
  }

  async blockHashes(content: LocalContent): Promise<Uint8Array | DiskFailure> {
    const { id, path, size, stamp } = content;
    const key = derivedKey("hashes", content);
    const known = this.#shared.derived.get(key);
    if (known !== undefined) return known;
    for await (const hashed of this.hashFiles([{ path, size, expect: stamp }])) {
      if ("error" in hashed) return hashed;
      if (!sameBytes(hashed.id, id)) return failureOf(`hash ${path}`, new FileError("ECHANGED"));
      // The only hash of a content of one block is its id; an empty one has none.
      return this.#shared.derived.get(key) ?? id.slice(0, size === 0 ? 0 : HASH_SIZE);
    }
    throw new Error(`Cannot hash ${path}: there is no result`);
  }

  async leafHashes(content: LocalContent, range: Range): Promise<Uint8Array | DiskFailure> {
    const { path } = content;
    return await unlessChanged(content, () => this.#shared.pool.run("hashLeaves", { path, range }));
  }

  /** Remembers those of whole contents: several may ask for them, while parts are different for each. */
  async recipe(content: LocalContent, range: Range): Promise<Recipe | DiskFailure> {
    const isWhole = range.length === content.size;
    const key = derivedKey("recipe", content);
    const known = isWhole ? this.#shared.derived.get(key) : undefined;
    if (known !== undefined) return known;
    const make = () => makeRecipe(content.path, range, this.#shared);
    const recipe = await unlessChanged(content, make);
    if (!("error" in recipe) && isWhole) this.#shared.derived.set(key, recipe);
    return recipe;
  }

  open(path: string): OpenFile {
    return openRegular(path, path);
  }

  async read(contents: readonly LocalContent[], buffer: ArrayBuffer): Promise<ReadPack> {
    if (this.#shared.kept.read(contents, buffer)) {
      return {
        buffer,
        present: contents.map(() => true),
      };
    }
    return await this.#shared.pool.run("read", { root: this.#root, contents, buffer }, [buffer]);
  }
}

function identified(files: readonly LocalFile[], hashed: HashedFiles): HashedSmall {
  const contents = files.map(({ size }, i) => (
    { id: hashed.ids.slice(i * HASH_SIZE, (i + 1) * HASH_SIZE), size }
  ));
  return { contents, hashed };
}

/** What is made of a file, if that holds the content before and afterwards. */
async function unlessChanged<Made extends object>(
  { path, stamp }: LocalContent,
  make: () => Promise<Made | DiskFailure>,
): Promise<Made | DiskFailure> {
  const isUnchanged = () => isPossiblySame(lookAt(path)?.stamp ?? "", stamp);
  const changed = () => failureOf(`read ${path}`, new FileError("ECHANGED"));
  if (!isUnchanged()) return changed();
  const made = await make();
  return "error" in made || isUnchanged() ? made : changed();
}

/** Remembers the block hashes of a content for `blockHashes`. */
export function rememberHashes(
  { derived }: SharedByStages,
  content: ContentId,
  hashes: Uint8Array,
): void {
  derived.set(derivedKey("hashes", content), hashes as Uint8Array<ArrayBuffer>);
}

function derivedKey(what: "hashes" | "recipe", content: ContentId): string {
  return `${what} ${contentKey(content)}`;
}
