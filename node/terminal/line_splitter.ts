/**
 * Splits bytes that come in any pieces into lines of UTF-8 text, for commands that are piped in. A
 * line that is too long is refused as a whole, so that no part of it is carried out.
 */

/** Characters of the longest line that is accepted. */
export const lineLengthMax = 4096;

/** Collects text until a line is complete. */
export class LineSplitter {
  readonly #utf8 = new TextDecoder();
  #pending = "";
  /** Whether the beginning of the pending line was thrown away because it is too long. */
  #isCut = false;

  /** Returns the lines that `bytes` completed, without their ends; `undefined` for one too long. */
  split(bytes: Uint8Array): (string | undefined)[] {
    const lines = (this.#pending + this.#utf8.decode(bytes, { stream: true })).split("\n");
    this.#pending = lines.pop()!;
    const complete = lines.map((line) => this.#accept(line));
    if (this.#pending.length > lineLengthMax) {
      this.#pending = "";
      this.#isCut = true;
    }
    return complete;
  }

  /** Returns what stands behind the last line end, if anything, when no more bytes come. */
  end(): (string | undefined)[] {
    const line = this.#pending + this.#utf8.decode();
    this.#pending = "";
    return line === "" && !this.#isCut ? [] : [this.#accept(line)];
  }

  #accept(line: string): string | undefined {
    const isTooLong = this.#isCut || line.length > lineLengthMax;
    this.#isCut = false;
    return isTooLong ? undefined : line.replace(/\r$/, "");
  }
}
