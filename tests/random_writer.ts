/**
 * Somebody who writes, edits and deletes files in synced folders at random, and knows what has to come of it.
 *
 * Each folder has paths of its own, so that there is nothing to be in conflict about, and each version of a
 * file has a length of its own, so that it is known again by that.
 */

import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path";
import type { TestFolder } from "./devices.ts";
import { randomBytes, sameBytes } from "./files.ts";
import type { JsonEvent } from "./harness.ts";

/** Files that each side writes at the same time, and what becomes of them. */
const NAME_COUNT = 30;
const CHANGES_MAX = 5;
const DELETED_SHARE = 0.15;
const LARGE_SHARE = 0.1;
const SMALL_SIZE = 5_000;
const LARGE_SIZE = 700_000;

export interface RandomWriterOptions {
  readonly random: () => number;
  /** A folder on the same file system as the synced ones. */
  readonly staging: string;
  /** Says where a failure happened, and how to have it again. */
  readonly where: () => string;
}

/** A version of a file; undefined for a deletion. */
type Version = Uint8Array | undefined;

export class RandomWriter {
  readonly #options: RandomWriterOptions;
  /** All versions of each path, in their order. */
  readonly #versions = new Map<string, Version[]>();
  /** The position of the last version of each path that a server has acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  #stagedCount = 0;

  constructor(options: RandomWriterOptions) {
    this.#options = options;
  }

  /** Changes some files below `side`, as a careful editor does: by a rename. */
  async change(folder: TestFolder, side: string): Promise<void> {
    const { random } = this.#options;
    for (let count = Math.floor(random() * (CHANGES_MAX + 1)); count > 0; count--) {
      const path = `${side}/${Math.floor(random() * NAME_COUNT)}.bin`;
      if (random() >= DELETED_SHARE) await this.#write(folder, path);
      else if (this.#last(path) !== undefined) {
        this.#remember(path, undefined);
        await folder.remove(path);
      }
    }
  }

  /** Takes note of what a device said that the server has stored. Answers how many versions that were. */
  acknowledge(events: readonly JsonEvent[]): number {
    const sent = events.filter(({ event, name }) =>
      event === "sent" && this.#versions.has(String(name))
    );
    for (const { name, kind, size } of sent) {
      const path = String(name);
      const after = this.#acknowledged.get(path) ?? -1;
      const position = this.#versions.get(path)!.findIndex((version, index) =>
        index > after && (kind === "absent" ? version === undefined : version?.length === size)
      );
      // The same one again.
      if (position >= 0) this.#acknowledged.set(path, position);
    }
    return sent.length;
  }

  /** Each file is one of its versions, from the first byte to the last. */
  assertNothingMixed(folder: TestFolder): void {
    for (const path of this.#versions.keys()) this.#positionOf(folder, path);
  }

  /** The folder has what was acknowledged, or what came later. */
  assertNothingLost(folder: TestFolder): void {
    for (const [path, acknowledged] of this.#acknowledged) {
      const found = this.#positionOf(folder, path);
      const what = `${path} in ${folder.folder} has version ${found} instead of ${acknowledged}`;
      assert(found >= acknowledged, `${what}: ${this.#options.where()}`);
    }
  }

  /** The folder has the last version of everything, and nothing else. */
  assertAllThere(folder: TestFolder): void {
    const sides = new Set<string>();
    for (const [path, versions] of this.#versions) {
      const last = this.#last(path);
      assertEquals(folder.has(path), last !== undefined, `${path}: ${this.#options.where()}`);
      if (last !== undefined) {
        const found = this.#positionOf(folder, path);
        assertEquals(found, versions.length - 1, `${path} is old: ${this.#options.where()}`);
      }
      sides.add(dirname(path));
    }
    const found = [...sides].flatMap((side) =>
      [...Deno.readDirSync(folder.join(side))].map(({ name }) => `${side}/${name}`)
    );
    const copies = found.filter((path) => !this.#versions.has(path));
    assertEquals(copies, [], `there are conflict copies: ${this.#options.where()}`);
  }

  async #write(folder: TestFolder, path: string): Promise<void> {
    const bytes = this.#newBytes(path);
    const staged = `${this.#options.staging}/staged-${this.#stagedCount++}`;
    await Deno.writeFile(staged, bytes);
    this.#remember(path, bytes);
    await Deno.mkdir(dirname(folder.join(path)), { recursive: true });
    await Deno.rename(staged, folder.join(path));
  }

  #newBytes(path: string): Uint8Array<ArrayBuffer> {
    const { random } = this.#options;
    const sizes = new Set(this.#versions.get(path)?.map((version) => version?.length));
    const sizeMax = random() < LARGE_SHARE ? LARGE_SIZE : SMALL_SIZE;
    let size: number;
    do size = Math.floor(random() * sizeMax); while (sizes.has(size));
    return randomBytes(size, Math.floor(random() * 2 ** 32));
  }

  #remember(path: string, version: Version): void {
    this.#versions.set(path, [...this.#versions.get(path) ?? [], version]);
  }

  #last(path: string): Version {
    return this.#versions.get(path)?.at(-1);
  }

  /**
   * Which version a folder has at a path; where it has nothing, the last deletion, or -1 if there was none.
   * Throws where it is none of them.
   */
  #positionOf(folder: TestFolder, path: string): number {
    const versions = this.#versions.get(path)!;
    if (!folder.has(path)) return versions.lastIndexOf(undefined);
    const found = Deno.readFileSync(folder.join(path));
    const position = versions.findIndex((version) => version?.length === found.length);
    const isWhole = position >= 0 && sameBytes(versions[position]!, found);
    assert(isWhole, `${path} is corrupted in ${folder.folder}: ${this.#options.where()}`);
    return position;
  }
}
