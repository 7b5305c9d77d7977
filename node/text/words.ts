/**
 * Splits a typed command line into words as a POSIX shell does, without expanding anything:
 * `get "my file"` is two words. Within '…' every character stands for itself; within "…" a
 * backslash keeps a following `"` or `\` from its meaning; elsewhere it does so for any character.
 */

const blank = /\s/;
const plainWord = /^[^\s"'\\]+$/;

/** A word of a line. */
interface Word {
  /** What it stands for, without quotes and backslashes. */
  text: string;
  /** Index into the line where it begins, quotes included. */
  readonly start: number;
}

/** A line taken apart. */
interface ScannedLine {
  readonly words: readonly Word[];
  /** The word that the line ends in; undefined behind a blank. */
  readonly last: Word | undefined;
  /** The quote or backslash at whose effect the line ends, if there is one. */
  readonly open: string | undefined;
}

/**
 * Returns the words of `line`; an empty word must be quoted (`""`). Throws an `Error` when a quote
 * is not closed or the line ends in a backslash.
 */
export function splitWords(line: string): string[] {
  const { words, open } = scanWords(line);
  if (open === "\\") {
    throw new Error("Cannot read the line: it ends in a backslash (write \\\\ for one)");
  }
  if (open !== undefined) throw new Error(`Cannot read the line: the quote ${open} is not closed`);
  return words.map(({ text }) => text);
}

/** The word that is being typed at the end of a line. */
export interface WordAtEnd {
  /** The complete words before it. */
  readonly before: readonly string[];
  /** What it stands for so far; empty behind a blank. */
  readonly text: string;
  /** Index into the line where it begins. */
  readonly start: number;
}

/** Finds the word that is being typed at the end of `line`, whose quote may still be open. */
export function wordAtEnd(line: string): WordAtEnd {
  const { words, last } = scanWords(line);
  return {
    before: words.filter((word) => word !== last).map(({ text }) => text),
    text: last?.text ?? "",
    start: last?.start ?? line.length,
  };
}

function scanWords(line: string): ScannedLine {
  const words: Word[] = [];
  /** The word that the present character belongs to, if it does to one. */
  let word: Word | undefined;
  let quote: string | undefined;
  for (let index = 0; index < line.length; index++) {
    const character = line[index]!;
    if (quote === undefined && blank.test(character)) {
      word = undefined;
      continue;
    }
    if (word === undefined) words.push(word = { text: "", start: index });
    if (escapes(character, line[index + 1], quote)) {
      if (index + 1 === line.length) return { words, last: word, open: "\\" };
      word.text += line[++index];
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
    } else {
      word.text += character;
    }
  }
  return { words, last: word, open: quote };
}

/** Whether `character` is a backslash that takes the meaning from `next`. */
function escapes(character: string, next: string | undefined, quote: string | undefined): boolean {
  if (character !== "\\" || quote === "'") return false;
  return quote === undefined || next === '"' || next === "\\";
}

/** Writes `word` so that `splitWords` reads exactly it again, with quotes only where needed. */
export function quoteWord(word: string): string {
  if (plainWord.test(word)) return word;
  return `"${word.replace(/["\\]/g, "\\$&")}"`;
}
