/** Writes the help text of a subcommand from its declaration. */

import { formatDuration } from "../text/duration.ts";
import { formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import {
  type CommandDeclaration,
  commandLineName,
  type FlagDeclaration,
  type PositionalDeclaration,
  programName,
} from "./declaration.ts";

const placeholders = {
  text: "TEXT",
  list: "TEXT",
  count: "N",
  port: "PORT",
  size: "SIZE",
  seconds: "SECONDS",
} as const;

/** What every command knows. */
const commonFlags = [
  ["    --debug", "show a stack trace with an error"],
  ["-h, --help", "show this text"],
];

/** The command with its arguments: `p2pnode get <tracker-host> [name...] [flags]`. */
export function usageLine(command: CommandDeclaration): string {
  const positionals = Object.entries(command.positionals).map(positionalLabel);
  const flags = Object.keys(command.flags).length > 0 ? ["[flags]"] : [];
  return [programName, command.name, ...positionals, ...flags].join(" ");
}

/** What `--help` shows: summary, what else there is to know, usage, arguments, flags and examples, each on lines of its own. */
export function helpText(command: CommandDeclaration): string {
  const positionals = Object.entries(command.positionals).map((
    entry,
  ) => [positionalLabel(entry), entry[1].doc]);
  const flags = Object.entries(command.flags).map(([name, flag]) => [
    `${flag.short === undefined ? "   " : `-${flag.short},`} ${flagLabel(name, flag)}`,
    flag.doc + defaultNote(flag),
  ]);
  return [
    command.summary,
    ...(command.about ?? []).map((paragraph) => `\n${paragraph}`),
    `\nUsage: ${usageLine(command)}`,
    ...section("Arguments", columns(positionals)),
    ...section("Flags", columns([...flags, ...commonFlags])),
    ...section("Examples", command.examples),
  ].join("\n") + "\n";
}

/** What stands for a flag's value in messages and help: `DIR`, `SIZE`. */
export function flagPlaceholder(flag: Exclude<FlagDeclaration, { kind: "boolean" }>): string {
  return flag.placeholder ?? placeholders[flag.kind];
}

function positionalLabel([name, { presence }]: [string, PositionalDeclaration]): string {
  const label = commandLineName(name);
  if (presence === "rest") return `[${label}...]`;
  return presence === "optional" ? `[${label}]` : `<${label}>`;
}

function flagLabel(name: string, flag: FlagDeclaration): string {
  const label = `--${commandLineName(name)}`;
  return flag.kind === "boolean" ? label : `${label} ${flagPlaceholder(flag)}`;
}

function defaultNote(flag: FlagDeclaration): string {
  if (flag.kind === "list") return " (may be given several times)";
  if (flag.kind === "boolean" || flag.default === undefined) return "";
  return ` (default: ${formatDefault(flag)})`;
}

function formatDefault(flag: Exclude<FlagDeclaration, { kind: "boolean" | "list" }>): string {
  if (flag.kind === "size") return formatSize(flag.default!);
  if (flag.kind === "seconds") return formatDuration(flag.default!);
  return String(flag.default);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`\n${title}:`, ...lines.map((line) => `  ${line}`)];
}

/** Lines up two columns. */
function columns(rows: readonly string[][]): string[] {
  return formatTable([{ title: "" }, { title: "" }], rows).slice(1);
}
