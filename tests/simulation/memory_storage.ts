/**
 * The disk of a simulated host: files by path, which outlive the processes that work with them.
 *
 * Like a real one it may be full or slow, fail to read, lose the rest of a write when a process is killed in
 * the middle, and rot.
 */

import type { Dice } from "./dice.ts";

/** Where the private area with partial and temporary files begins. */
export const PARTS = ".p2pnode/parts/";

/** The bytes of a file, whatever its name is now: what an open file holds on to. */
export class StoredFile {
  static #count = 0;
  readonly #number = StoredFile.#count++;
  #changes = 0;

  constructor(public bytes: Uint8Array<ArrayBuffer>) {}

  get stamp(): string {
    return `${this.#number}.${this.#changes}`;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.bytes.set(bytes, offset);
    this.#changes++;
  }

  /** A new name changes the time of change, and so the stamp. */
  renamed(): void {
    this.#changes++;
  }
}

/** A write that has begun and not ended. */
interface RunningWrite {
  readonly file: StoredFile;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

export class MemoryStorage {
  readonly files = new Map<string, StoredFile>();
  readonly #writes = new Set<RunningWrite>();
  readonly #dice: Dice;
  /** Nothing can be written. */
  isFull = false;
  /** How long an operation takes at most. */
  latencyMs: number;
  /** How often an operation fails, from 0 to 1. */
  unreliability = 0;
  readonly #usualLatencyMs: number;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.latencyMs = this.#usualLatencyMs = dice.magnitude(1, 30);
  }

  /** Puts right what was wrong. */
  heal(): void {
    this.isFull = false;
    this.latencyMs = this.#usualLatencyMs;
    this.unreliability = 0;
  }

  /** How long the next operation takes. */
  delayMs(): number {
    return this.#dice.random() * this.latencyMs;
  }

  /** Whether the next operation fails. */
  fails(): boolean {
    return this.unreliability > 0 && this.#dice.chance(this.unreliability);
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from)!;
    this.files.delete(from);
    this.files.set(to, file);
    file.renamed();
  }

  /** Writes in two steps, between which the process may be killed. Answers the second one. */
  beginWrite(file: StoredFile, bytes: Uint8Array, offset: number): () => void {
    const write = { file, bytes: bytes.slice(), offset };
    this.#writes.add(write);
    return () => {
      this.#writes.delete(write);
      file.write(write.bytes, offset);
    };
  }

  /** The process was killed: writes that were under way are done in part, or not at all. */
  crash(): void {
    for (const { file, bytes, offset } of this.#writes) {
      const done = this.#dice.between(0, bytes.length);
      if (done > 0) file.write(bytes.subarray(0, done), offset);
    }
    this.#writes.clear();
  }

  /** Changes a byte of a partial file, if there is one. */
  rot(): void {
    const parts = [...this.files].filter(([path, { bytes }]) =>
      path.startsWith(PARTS) && bytes.length > 0
    );
    if (parts.length === 0) return;
    const [, { bytes }] = this.#dice.pick(parts);
    const at = this.#dice.below(bytes.length);
    bytes[at]! ^= this.#dice.between(1, 255);
  }
}
