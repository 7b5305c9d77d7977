/** The error for a command line that cannot be carried out as it was typed. */

import { suggestWord } from "../text/suggest.ts";
import { printable } from "../text/printable.ts";
import { programName } from "./declaration.ts";

/** The command line is wrong, and nothing was done. The message says how it should be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What the process exits with. */
  readonly exitCode = 2;
}

/** The error for a first word that is no subcommand, with the one that was perhaps meant. */
export function unknownCommand(word: string, known: Iterable<string>): UsageError {
  const meant = suggestWord(word, known);
  const advice = meant === undefined ? `see ${programName} help` : `did you mean ${meant}?`;
  return new UsageError(`Cannot run "${printable(word)}": unknown command (${advice})`);
}
