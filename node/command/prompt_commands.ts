/** What the prompts of all commands have in common. */

import { printable } from "../text/printable.ts";
import { suggestWord } from "../text/suggest.ts";
import { formatTable } from "../text/table.ts";

/** From how a command is written, such as `get NAME|ID`, to what it does. */
export type PromptCommands = Readonly<Record<string, string>>;

/** The names of the commands. */
export function namesOf(commands: PromptCommands): string[] {
  return Object.keys(commands).map((usage) => usage.split(" ")[0]!);
}

/** What `help` shows. */
export function helpLines(commands: PromptCommands): string[] {
  return formatTable([{ title: "" }, { title: "" }], Object.entries(commands)).slice(1);
}

/** The error for a command that there is not, with the one that was perhaps meant. */
export function unknownPromptCommand(command: string, commands: PromptCommands): Error {
  const meant = suggestWord(command, namesOf(commands));
  const advice = meant === undefined ? "help lists the commands" : `did you mean ${meant}?`;
  return new Error(`Cannot run "${printable(command)}": unknown command (${advice})`);
}
