/**
 * Where contents are, for very many of them in little memory: some 200 bytes each with paths of usual length.
 *
 * Paths and stamps lie one behind the other as bytes in one buffer, and a map by id has where each begins. When
 * the table is full it becomes the old one, to which nothing is added any more, and the one that was old before is
 * forgotten: what was noted lately stays.
 */

/** A file in the state in which it had a content. */
export interface Place {
  readonly path: string;
  readonly stamp: string;
}

/** A buffer that has just been made, and one that is full. */
const SIZE_START = 4096;
const SIZE_MAX = 64 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class PlaceTable {
  readonly #countMax: number;
  #young = new Generation();
  #old = new Generation();

  /** @param countMax How many contents are known at most. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get(id: Uint8Array): Place | undefined {
    const key = keyOf(id);
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** A content has a place, instead of the one that was known. */
  set(id: Uint8Array, place: Place): void {
    if (this.#young.count >= this.#countMax / 2 || this.#young.size >= SIZE_MAX) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    this.#young.set(keyOf(id), place);
  }
}

class Generation {
  readonly #starts = new Map<string, number>();
  #bytes = new Uint8Array(SIZE_START);
  #end = 0;

  get count(): number {
    return this.#starts.size;
  }

  /** Bytes, those of places that others have taken the place of included. */
  get size(): number {
    return this.#end;
  }

  get(key: string): Place | undefined {
    const start = this.#starts.get(key);
    if (start === undefined) return undefined;
    const pathEnd = this.#bytes.indexOf(0, start);
    const stampEnd = this.#bytes.indexOf(0, pathEnd + 1);
    return {
      path: decoder.decode(this.#bytes.subarray(start, pathEnd)),
      stamp: decoder.decode(this.#bytes.subarray(pathEnd + 1, stampEnd)),
    };
  }

  set(key: string, { path, stamp }: Place): void {
    // Neither a safe name nor a stamp has a zero in it.
    const bytes = encoder.encode(`${path}\0${stamp}\0`);
    const start = this.#starts.get(key);
    if (start !== undefined && isAt(this.#bytes, start, bytes)) return;
    if (this.#end + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#starts.set(key, this.#end);
    this.#end += bytes.length;
  }

  #grow(size: number): void {
    const larger = new Uint8Array(2 * this.#bytes.length + size);
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

/** Whether `part` stands at `start` of `bytes`. */
function isAt(bytes: Uint8Array, start: number, part: Uint8Array): boolean {
  return part.every((byte, index) => bytes[start + index] === byte);
}

/** The bytes of an id as characters, which take as much room as the bytes. */
function keyOf(id: Uint8Array): string {
  return String.fromCharCode(...id);
}
