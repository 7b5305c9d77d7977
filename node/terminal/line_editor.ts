/**
 * One line of text that is being typed: a state machine that is fed keys and tells what to show and
 * which lines are complete. It knows nothing of the terminal. The cursor moves by grapheme clusters
 * (Unicode Standard Annex 29), so that an accent or a flag is one step. Keys are those of GNU
 * Readline.
 */

import type { Key, KeyName } from "./key_decoder.ts";

/** A line holds no more characters; what is typed or pasted beyond that is left out. */
const lineLengthMax = 4096;
/** So many lines are remembered. */
const historyMax = 500;

/** What Tab found: words that may replace the text from `start` up to the cursor. */
export interface Completion {
  /** Index into the text before the cursor where the word begins that is being completed. */
  readonly start: number;
  /** All words that fit, as they would be typed. */
  readonly words: readonly string[];
}

/** Finds what may stand at the cursor, given the text before it. */
export type Completer = (beforeCursor: string) => Completion;

/** What a key led to, beside a change of the text. */
export type EditorEvent =
  /** Enter: the line is complete. */
  | { readonly event: "line"; readonly line: string }
  /** Ctrl-C: the text that was typed so far is dropped, or there was none. */
  | { readonly event: "interrupt"; readonly dropped: string }
  /** Ctrl-D on an empty line. */
  | { readonly event: "endOfInput" }
  /** Ctrl-L. */
  | { readonly event: "clearScreen" }
  /** Tab, where several words are possible. */
  | { readonly event: "choices"; readonly words: readonly string[] };

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** An editor for one line after the other, with a history of them. */
export class LineEditor {
  readonly #history: string[] = [];
  #text = "";
  /** Index into the text, in UTF-16 code units. */
  #cursor = 0;
  /** Position in the history; its length stands for the line that is being typed. */
  #historyIndex = 0;
  /** The line that was being typed when the user went into the history. */
  #draft = "";

  /** @param complete what Tab offers; without it Tab does nothing. */
  constructor(private readonly complete?: Completer) {}

  /** The text that was typed so far. */
  get text(): string {
    return this.#text;
  }

  /** Where the next character goes: an index into `text`. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Takes one key and returns what it led to, if that is more than a change of text or cursor. */
  feed(key: Key): EditorEvent | undefined {
    if ("name" in key) return this.#press(key.name);
    this.#insert(key.text);
    return undefined;
  }

  #press(name: KeyName): EditorEvent | undefined {
    switch (name) {
      case "enter":
        return { event: "line", line: this.#accept() };
      case "interrupt":
        return { event: "interrupt", dropped: this.#reset() };
      case "endOfInput":
        if (this.#text === "") return { event: "endOfInput" };
        return this.#remove(this.#cursor, this.#right());
      case "clearScreen":
        return { event: "clearScreen" };
      case "tab":
        return this.#completeWord();
      case "backspace":
        return this.#remove(this.#left(), this.#cursor);
      case "delete":
        return this.#remove(this.#cursor, this.#right());
      case "killToEnd":
        return this.#remove(this.#cursor, this.#text.length);
      case "killToStart":
        return this.#remove(0, this.#cursor);
      case "killWord":
        return this.#remove(this.#wordLeft(), this.#cursor);
      case "left":
        return this.#moveTo(this.#left());
      case "right":
        return this.#moveTo(this.#right());
      case "wordLeft":
        return this.#moveTo(this.#wordLeft());
      case "wordRight":
        return this.#moveTo(this.#wordRight());
      case "home":
        return this.#moveTo(0);
      case "end":
        return this.#moveTo(this.#text.length);
      case "up":
        return this.#recall(this.#historyIndex - 1);
      case "down":
        return this.#recall(this.#historyIndex + 1);
    }
  }

  #insert(text: string): void {
    const room = lineLengthMax - this.#text.length;
    // A cut may go through a surrogate pair; half of one is no text.
    const inserted = text.length > room
      ? text.slice(0, room).replace(/[\ud800-\udbff]$/, "")
      : text;
    const before = this.#text.slice(0, this.#cursor) + inserted;
    this.#text = before + this.#text.slice(this.#cursor);
    this.#cursor = before.length;
  }

  #remove(start: number, end: number): undefined {
    this.#text = this.#text.slice(0, start) + this.#text.slice(end);
    this.#cursor = start;
  }

  #moveTo(cursor: number): undefined {
    this.#cursor = cursor;
  }

  /** Empties the line and returns what it held. */
  #reset(): string {
    const text = this.#text;
    this.#text = "";
    this.#cursor = 0;
    this.#draft = "";
    this.#historyIndex = this.#history.length;
    return text;
  }

  #accept(): string {
    const line = this.#text;
    if (line.trim() !== "" && line !== this.#history.at(-1)) this.#history.push(line);
    if (this.#history.length > historyMax) this.#history.shift();
    return this.#reset();
  }

  #recall(index: number): undefined {
    if (index < 0 || index > this.#history.length) return;
    if (this.#historyIndex === this.#history.length) this.#draft = this.#text;
    this.#historyIndex = index;
    this.#text = this.#history[index] ?? this.#draft;
    this.#cursor = this.#text.length;
  }

  /** Writes what all possible words have in common; shows them where that adds nothing. */
  #completeWord(): EditorEvent | undefined {
    if (this.complete === undefined) return undefined;
    const beforeCursor = this.#text.slice(0, this.#cursor);
    const { start, words } = this.complete(beforeCursor);
    const [first, ...others] = words;
    if (first === undefined) return undefined;
    const common = others.reduce(commonBeginning, first);
    const isAhead = common.length > this.#cursor - start;
    if (others.length > 0 && !isAhead) return { event: "choices", words };
    this.#remove(start, this.#cursor);
    this.#insert(others.length === 0 ? `${common} ` : common);
    return undefined;
  }

  #left(): number {
    if (this.#cursor === 0) return 0;
    return graphemes.segment(this.#text).containing(this.#cursor - 1)!.index;
  }

  #right(): number {
    const next = graphemes.segment(this.#text).containing(this.#cursor);
    return next === undefined ? this.#text.length : next.index + next.segment.length;
  }

  #wordLeft(): number {
    return this.#text.slice(0, this.#cursor).trimEnd().lastIndexOf(" ") + 1;
  }

  #wordRight(): number {
    return this.#cursor + /^\s*\S*/.exec(this.#text.slice(this.#cursor))![0].length;
  }
}

function commonBeginning(left: string, right: string): string {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return left.slice(0, length);
}
