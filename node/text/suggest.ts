/**
 * Guesses which word was meant by a mistyped command or flag: the known word that is the fewest
 * slips of the finger away, if it is near enough to be a slip at all.
 *
 * A slip is a letter left out, added, replaced, or swapped with its neighbour: the optimal string
 * alignment form of the Damerau-Levenshtein distance (F. J. Damerau, "A technique for computer
 * detection and correction of spelling errors", 1964).
 */

/** No word of ours is longer; a longer one is not compared, as that takes quadratic time. */
const wordLengthMax = 64;

/**
 * Returns the word of `known` that `word` most likely stands for, or undefined when none is near:
 * at most one slip for every three letters, or the only word that begins with these (three or more)
 * letters. Of equally near words the first one wins.
 */
export function suggestWord(word: string, known: Iterable<string>): string | undefined {
  if (word.length > wordLengthMax) return undefined;
  const candidates = [...known];
  let nearest: string | undefined;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const slips = editDistance(word, candidate);
    // With as many slips as letters, nothing of the word is left in the candidate.
    if (slips < fewest && slips < candidate.length) {
      nearest = candidate;
      fewest = slips;
    }
  }
  return nearest ?? onlyCompletion(word, candidates);
}

function onlyCompletion(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 3) return undefined;
  const completions = candidates.filter((candidate) => candidate.startsWith(word));
  return completions.length === 1 ? completions[0] : undefined;
}

/** Number of slips between two words, counted in UTF-16 code units. */
export function editDistance(left: string, right: string): number {
  // Three rows of the table are enough: a swap looks back two letters in both words.
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const replaced = left[row - 1] === right[column - 1] ? 0 : 1;
      let slips = Math.min(
        previous[column]! + 1,
        current[column - 1]! + 1,
        previous[column - 1]! + replaced,
      );
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) slips = Math.min(slips, beforePrevious[column - 2]! + 1);
      current.push(slips);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length]!;
}
