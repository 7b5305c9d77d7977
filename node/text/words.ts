/**
 * Splits a typed command line into words as a POSIX shell does, without expanding anything:
 * `get "my file"` is two words. Within '…' every character stands for itself; within "…" a
 * backslash keeps a following `"` or `\` from its meaning; elsewhere it does so for any character.
 */

const blank = /\s/;
const plainWord = /^[^\s"'\\]+$/;

/**
 * Returns the words of `line`; an empty word must be quoted (`""`). Throws an `Error` when a quote is
 * not closed or the line ends in a backslash.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let index = 0;
  while (index < line.length) {
    const character = line[index]!;
    if (blank.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      index++;
      continue;
    }
    const part = character === "'"
      ? readSingleQuoted(line, index)
      : character === '"'
      ? readDoubleQuoted(line, index)
      : character === "\\"
      ? readEscaped(line, index)
      : { text: character, end: index + 1 };
    word = (word ?? "") + part.text;
    index = part.end;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What a quoted or escaped part stands for, and the index behind it. */
interface Part {
  text: string;
  end: number;
}

function readSingleQuoted(line: string, start: number): Part {
  const end = line.indexOf("'", start + 1);
  if (end === -1) throw unclosed("'");
  return { text: line.slice(start + 1, end), end: end + 1 };
}

function readDoubleQuoted(line: string, start: number): Part {
  let text = "";
  for (let index = start + 1; index < line.length; index++) {
    const character = line[index]!;
    if (character === '"') return { text, end: index + 1 };
    const next = line[index + 1];
    if (character === "\\" && (next === '"' || next === "\\")) {
      text += next;
      index++;
    } else {
      text += character;
    }
  }
  throw unclosed('"');
}

function readEscaped(line: string, start: number): Part {
  const escaped = line[start + 1];
  if (escaped === undefined) {
    throw new Error("Cannot read the line: it ends in a backslash (write \\\\ for one)");
  }
  return { text: escaped, end: start + 2 };
}

function unclosed(quote: string): Error {
  return new Error(`Cannot read the line: the quote ${quote} is not closed`);
}

/** Writes `word` so that `splitWords` reads exactly it again, with quotes only where needed. */
export function quoteWord(word: string): string {
  if (plainWord.test(word)) return word;
  return `"${word.replace(/["\\]/g, "\\$&")}"`;
}
