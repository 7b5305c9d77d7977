/** Offers words for the Tab key: known commands first, then what fits behind the command. */

import { quoteWord, wordAtEnd } from "../text/words.ts";
import type { Completer } from "./line_editor.ts";

/**
 * Returns a completer for the word at the cursor. `candidates` gives all words that make sense
 * behind the complete words `before` it; words with blanks are offered in quotes.
 */
export function completeWith(
  candidates: (before: readonly string[]) => Iterable<string>,
): Completer {
  return (beforeCursor) => {
    const { before, text, start } = wordAtEnd(beforeCursor);
    const words = [...candidates(before)].filter((word) => word.startsWith(text)).map(quoteWord);
    return { start, words };
  };
}
