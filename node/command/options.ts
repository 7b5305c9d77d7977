/**
 * Parses a subcommand's command line into what its declaration says, fully typed.
 *
 * `parseArgs` of @std/cli splits the line; this layer keeps it strict. Where `parseArgs` would
 * guess, a `UsageError` says what is wrong: an unknown flag, a missing value, a flag given twice, a
 * number out of its range, an argument too few or too many. Positional arguments are never turned
 * into numbers, and a flag that takes no value never swallows the argument behind it.
 */

import { parseArgs } from "@std/cli/parse-args";
import { parseSeconds } from "../text/duration.ts";
import { printable } from "../text/printable.ts";
import { formatSize, parseSize } from "../text/size.ts";
import { suggestWord } from "../text/suggest.ts";
import {
  type CommandDeclaration,
  commandLineName,
  type FlagDeclaration,
  type ParsedCommand,
  programName,
  type ValueKind,
} from "./declaration.ts";
import { flagPlaceholder, usageLine } from "./help.ts";
import { UsageError } from "./usage_error.ts";

/** Whether the command line asks for the help text, whatever else is wrong with it. */
export function asksForHelp(args: readonly string[]): boolean {
  return beforeDoubleDash(args).some((arg) => arg === "--help" || arg === "-h");
}

/** Whether errors are to be shown with their stack traces. */
export function asksForDebug(args: readonly string[]): boolean {
  return beforeDoubleDash(args).includes("--debug");
}

/**
 * Parses `args`, which is what stands behind the subcommand's name. Throws a `UsageError` whose
 * message names the argument and says what was expected. `--debug` is passed over, and `--help` is not
 * known here: see `asksForDebug` and `asksForHelp`.
 */
export function parseCommand<Command extends CommandDeclaration>(
  command: Command,
  args: readonly string[],
): ParsedCommand<Command> {
  const { positionals, flagValues } = splitArguments(command, args);
  return {
    positionals: readPositionals(command, positionals),
    flags: readFlags(command, flagValues),
  } as ParsedCommand<Command>;
}

/** The command line taken apart, nothing converted yet. */
interface SplitArguments {
  positionals: string[];
  /** By name on the command line: what was given, once for each time; `true` for a switch. */
  flagValues: Record<string, (string | boolean)[]>;
}

function splitArguments(command: CommandDeclaration, args: readonly string[]): SplitArguments {
  const positionals: string[] = [];
  const onUnknown = (arg: string, flag?: string): false => {
    if (flag !== undefined) throw unknownFlag(command, arg, flag);
    positionals.push(arg);
    return false;
  };
  const flags = Object.entries(command.flags);
  const named = (matches: (flag: FlagDeclaration) => boolean) =>
    flags.filter(([, flag]) => matches(flag)).map(([name]) => commandLineName(name));
  const { _, "--": afterDoubleDash, ...flagValues } = parseArgs(spellOutFlags(command, args), {
    boolean: named((flag) => flag.kind === "boolean"),
    string: named((flag) => flag.kind !== "boolean"),
    collect: named(() => true),
    alias: Object.fromEntries(
      flags.flatMap(([name, { short }]) => short ? [[commandLineName(name), short]] : []),
    ),
    unknown: onUnknown,
    "--": true,
  });
  return { positionals: [...positionals, ...afterDoubleDash], flagValues };
}

/**
 * Writes flags in the one way in which parseArgs does not guess. It takes `true` or `false` behind
 * a bare switch for its value, although these may be names of files: `-j` becomes `--json=true`. It
 * cuts the value of `-o=value` at a line break: this becomes `--out=value`. No value of its own
 * begins with a dash, so none is mistaken for a flag here.
 */
function spellOutFlags(command: CommandDeclaration, args: readonly string[]): string[] {
  const switches = new Map<string, string>();
  const longNames = new Map<string, string>();
  for (const [name, flag] of Object.entries(command.flags)) {
    const long = `--${commandLineName(name)}`;
    if (flag.short !== undefined) longNames.set(`-${flag.short}`, long);
    if (flag.kind !== "boolean") continue;
    switches.set(long, `${long}=true`);
    if (flag.short !== undefined) switches.set(`-${flag.short}`, `${long}=true`);
  }
  const spellOut = (arg: string): string[] => {
    const [, flag, value] = /^(-[^=]+)(=.*)$/s.exec(arg) ?? [];
    if (flag !== undefined && switches.has(flag)) throw failure(command, `${flag} takes no value`);
    if (flag !== undefined && longNames.has(flag)) return [`${longNames.get(flag)}${value}`];
    const letters = /^-\w+$/.test(arg) ? [...arg.slice(1)].map((letter) => `-${letter}`) : [arg];
    const allSwitches = letters.every((letter) => switches.has(letter));
    return allSwitches ? letters.map((letter) => switches.get(letter)!) : [arg];
  };
  const flags = beforeDoubleDash(args);
  return [
    ...flags.filter((arg) => arg !== "--debug").flatMap(spellOut),
    ...args.slice(flags.length),
  ];
}

function beforeDoubleDash(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}

function readPositionals(command: CommandDeclaration, given: readonly string[]) {
  const left = [...given];
  const values: Record<string, unknown> = {};
  for (const [name, { kind = "text", presence }] of Object.entries(command.positionals)) {
    const label = `<${commandLineName(name)}>`;
    const read = (text: string) => readValue(command, { text, label, kind });
    if (presence === "rest") {
      values[name] = left.splice(0).map(read);
      continue;
    }
    const text = left.shift();
    if (text === undefined && presence !== "optional") {
      throw failure(command, `${label} is missing (usage: ${usageLine(command)})`);
    }
    values[name] = text === undefined ? undefined : read(text);
  }
  if (left.length > 0) {
    throw failure(command, `"${printable(left[0]!)}" is too much (usage: ${usageLine(command)})`);
  }
  return values;
}

function readFlags(command: CommandDeclaration, given: SplitArguments["flagValues"]) {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    values[name] = readFlag(command, { name, flag, given: given[commandLineName(name)] ?? [] });
  }
  return values;
}

function readFlag(
  command: CommandDeclaration,
  { name, flag, given }: { name: string; flag: FlagDeclaration; given: (string | boolean)[] },
): unknown {
  const label = `--${commandLineName(name)}`;
  if (given.length > 1 && flag.kind !== "list") {
    throw failure(command, `${label} is given ${given.length} times (once is enough)`);
  }
  if (flag.kind === "boolean") return given.length > 0;
  const texts = given.map(String);
  // parseArgs gives an empty text where nothing follows, or another flag does.
  if (texts.includes("")) {
    const example = `${label}=${flagPlaceholder(flag)}`;
    throw failure(command, `${label} needs a value (write ${example})`);
  }
  if (flag.kind === "list") return texts;
  const text = texts[0];
  if (text === undefined) return flag.default;
  const range = flag.kind === "text" ? {} : { min: flag.min, max: flag.max };
  return readValue(command, { text, label, kind: flag.kind, ...range });
}

/** One value from the command line: as it was typed, where, and what it must be. */
interface TypedValue {
  text: string;
  label: string;
  kind: ValueKind;
  min?: number | undefined;
  max?: number | undefined;
}

function readValue(command: CommandDeclaration, value: TypedValue): string | number {
  if (value.kind === "text") return value.text;
  const { label, text, min = 0, max = value.kind === "port" ? 65_535 : Infinity } = value;
  const number = readNumber(command, value);
  if (number < min || number > max) {
    const shown = value.kind === "size" ? formatSize : String;
    const range = max === Infinity
      ? `at least ${shown(min)}`
      : `from ${shown(min)} to ${shown(max)}`;
    throw failure(command, `${label} must be ${range}, not "${printable(text)}"`);
  }
  return number;
}

function readNumber(command: CommandDeclaration, { text, label, kind }: TypedValue): number {
  try {
    if (kind === "size") return parseSize(text);
    if (kind === "seconds") return parseSeconds(text);
  } catch (error) {
    throw new UsageError(`${(error as Error).message}, given for ${label}`, { cause: error });
  }
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw failure(command, `${label} must be a whole number, not "${printable(text)}"`);
  }
  return number;
}

function unknownFlag(command: CommandDeclaration, arg: string, flag: string): UsageError {
  const isLong = arg.startsWith("--");
  const name = flag.replace(/^-+/, "").replace(/=.*$/s, "");
  const label = printable(isLong ? `--${name}` : `-${name}`);
  const known = [...Object.keys(command.flags).map(commandLineName), "help", "debug"];
  const meant = isLong || name.length > 1 ? suggestWord(name, known) : undefined;
  const advice = meant === undefined
    ? `see ${programName} ${command.name} --help`
    : `did you mean --${meant}?`;
  return failure(command, `unknown flag ${label} (${advice})`);
}

function failure(command: CommandDeclaration, reason: string): UsageError {
  return new UsageError(`Cannot run ${command.name}: ${reason}`);
}
