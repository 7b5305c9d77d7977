/**
 * How a subcommand declares what may stand behind it on the command line. From one declaration
 * follow the parser (`options.ts`), the help text (`help.ts`) and the TypeScript type of what was
 * parsed.
 *
 * Names are declared as they are used in code, `upLimit`, and written `--up-limit` on the command
 * line.
 */

/** The program's name, as users type it. */
export const programName = "p2pnode";

/**
 * What a value on the command line is read as. `text` stays as it is, `count` is a whole number,
 * `port` a TCP port with 0 for any free one, `size` in bytes (`256MiB`), `seconds` a duration
 * (`1m30s`).
 */
export type ValueKind = "text" | "count" | "port" | "size" | "seconds";

/** An argument that is known by its position. */
export interface PositionalDeclaration {
  /** What it is for, in a few words without a full stop. */
  readonly doc: string;
  /** Default: text. */
  readonly kind?: ValueKind;
  /** `rest` takes all that follow, none included, and must be last. Default: required. */
  readonly presence?: "required" | "optional" | "rest";
}

interface FlagCommon {
  /** What it is for, in a few words without a full stop. */
  readonly doc: string;
  /** One letter, for `-p` beside `--port`. */
  readonly short?: string;
}

/** A flag that is there or not. */
export interface SwitchDeclaration extends FlagCommon {
  readonly kind: "boolean";
}

/** A flag that may be given several times, each time with a text. */
export interface ListDeclaration extends FlagCommon {
  readonly kind: "list";
  /** What the help text shows for the value, such as `NAME`. */
  readonly placeholder?: string;
}

/** A flag with a text. Without a default it is undefined when it is not given. */
export interface TextDeclaration extends FlagCommon {
  readonly kind: "text";
  readonly default?: string;
  /** What the help text shows for the value, such as `DIR`. */
  readonly placeholder?: string;
}

/** A flag with a number. Without a default it is undefined when it is not given. */
export interface NumberDeclaration extends FlagCommon {
  readonly kind: Exclude<ValueKind, "text">;
  readonly default?: number;
  /** The smallest number allowed. Default: 0. */
  readonly min?: number;
  /** The largest number allowed. */
  readonly max?: number;
  /** What the help text shows for the value. */
  readonly placeholder?: string;
}

/** A flag of any kind. */
export type FlagDeclaration =
  | SwitchDeclaration
  | ListDeclaration
  | TextDeclaration
  | NumberDeclaration;

/** A subcommand. */
export interface CommandDeclaration {
  /** What users type behind the program's name. */
  readonly name: string;
  /** One sentence that says what it does. */
  readonly summary: string;
  /** What else its users must know, in sentences; a paragraph each, broken into lines where it is long. */
  readonly about?: readonly string[];
  /** In the order in which they are written. */
  readonly positionals: Readonly<Record<string, PositionalDeclaration>>;
  readonly flags: Readonly<Record<string, FlagDeclaration>>;
  /** Whole command lines. */
  readonly examples: readonly string[];
}

type ValueOf<Kind> = Kind extends "text" ? string : number;

type KindOf<Positional> = Positional extends { readonly kind: infer Kind } ? Kind : "text";

type PositionalValue<Positional> = Positional extends { readonly presence: "rest" }
  ? ValueOf<KindOf<Positional>>[]
  : Positional extends { readonly presence: "optional" } ? ValueOf<KindOf<Positional>> | undefined
  : ValueOf<KindOf<Positional>>;

type FlagValue<Flag> = Flag extends { readonly kind: "boolean" } ? boolean
  : Flag extends { readonly kind: "list" } ? string[]
  : Flag extends { readonly kind: infer Kind; readonly default: unknown } ? ValueOf<Kind>
  : Flag extends { readonly kind: infer Kind } ? ValueOf<Kind> | undefined
  : never;

/** What a command line of this command is parsed into. */
export interface ParsedCommand<Command extends CommandDeclaration> {
  readonly positionals: {
    readonly [Name in keyof Command["positionals"]]: PositionalValue<Command["positionals"][Name]>;
  };
  readonly flags: {
    readonly [Name in keyof Command["flags"]]: FlagValue<Command["flags"][Name]>;
  };
}

/** Returns its argument; it is there so that the compiler infers the most exact type. */
export function defineCommand<const Command extends CommandDeclaration>(command: Command): Command {
  return command;
}

/** How a declared name is written on the command line: `upLimit` as `up-limit`. */
export function commandLineName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
