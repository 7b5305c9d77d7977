/** The commands of a sync client, as they are typed: at its prompt, or line by line from a pipe. */

import { splitWords } from "../text/words.ts";
import {
  helpLines,
  namesOf,
  type PromptCommands,
  unknownPromptCommand,
} from "./prompt_commands.ts";
import type { SyncSession } from "./sync_session.ts";

const commands: PromptCommands = {
  "upload PATH [--replace]":
    "copy a file from anywhere into the synced folder; --replace puts it in the place of another one",
  "download NAME [DEST]": "copy a file out of the synced folder: to DEST, or into this directory",
  "delete NAME": "delete a file or folder on all devices",
  "list_server": "what the server has: name, size, content id and version",
  "list_client": "what is here: name, size, content id and version",
  "get_sync_dir": "where the synced folder is",
  "status": "connected devices, what is pending, the last error",
  "conflicts": "what needs a person: conflict copies, names that collide, what is skipped",
  "versions NAME": "the old versions of a file that the server keeps",
  "restore NAME [VERSION]": "make an old version the current one, also of a deleted file",
  "yes": "pass on the deletions that were asked about",
  "no": "bring back the files whose deletions were asked about",
  "help": "this list",
  "exit": "leave, once what was commanded is stored by the server",
};

/** Carries out one line. Answers "exit" when the client should end; throws what went wrong. */
export async function runSyncLine(session: SyncSession, line: string): Promise<"exit" | undefined> {
  const [command, ...args] = splitWords(line);
  switch (command) {
    case undefined:
      return;
    case "upload": {
      const replace = args.includes("--replace");
      const [path] = take(command, args.filter((arg) => arg !== "--replace"), [1, 1]);
      return void await session.upload(path!, { replace });
    }
    case "download": {
      const [name, destination] = take(command, args, [1, 2]);
      return void await session.download(name!, destination);
    }
    case "delete":
      return void await session.delete(take(command, args, [1, 1])[0]!);
    case "list_server":
      take(command, args, [0, 0]);
      return void await session.list("server");
    case "list_client":
      take(command, args, [0, 0]);
      return void await session.list("here");
    case "get_sync_dir":
      return void session.showFolder();
    case "status":
      return void await session.status();
    case "conflicts":
      return void session.conflicts();
    case "versions":
      return void await session.versions(take(command, args, [1, 1])[0]!);
    case "restore": {
      const [name, number] = take(command, args, [1, 2]);
      return void await session.restore(
        name!,
        number === undefined ? undefined : versionNumber(number),
      );
    }
    case "yes":
    case "no":
      return void session.answer(command === "yes");
    case "help":
      return void session.telling.list(
        "text",
        helpLines(commands).map((line) => ({ line })),
        () => helpLines(commands),
      );
    case "exit":
    case "quit":
      await session.stored();
      return "exit";
    default:
      throw unknownPromptCommand(command, commands);
  }
}

/** What the Tab key offers behind these words: the commands, then the names that they are for. */
export function completeSyncWords(before: readonly string[], session: SyncSession): string[] {
  if (before.length === 0) return namesOf(commands);
  if (before.length > 1) return [];
  switch (before[0]) {
    case "download":
      return session.names("server");
    case "delete":
    case "versions":
    case "restore":
      return session.names("here");
    default:
      return [];
  }
}

/** The arguments of a command, whose number must be within the range. */
function take(
  command: string,
  args: readonly string[],
  [min, max]: readonly [number, number],
): readonly string[] {
  if (args.length >= min && args.length <= max) return args;
  const usage = Object.keys(commands).find((known) => known.split(" ")[0] === command)!;
  const what = args.length < min ? "something is missing" : "that is too much";
  const advice = args.length > max && max > 0 ? "; a name with blanks stands in quotes" : "";
  throw new Error(`Cannot ${command}: ${what} (${usage}${advice})`);
}

function versionNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new Error(`Cannot restore: "${text}" is no version number (versions NAME lists them)`);
}
