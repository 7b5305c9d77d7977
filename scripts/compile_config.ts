/**
 * What `deno compile` is told about the project: nothing but what the program itself loads.
 *
 * `deno compile` embeds every npm package of the configuration and of the lock file, those that only
 * tests need included. So the program is compiled with a configuration and a lock of its own, cut down
 * to the imports of `main.ts` and of everything reached from there.
 */

import { type ModuleGraph, reachableFrom } from "./module_graph.ts";

/** The parts of deno.json that are needed here. */
export interface Config {
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
}

/** The parts of deno.lock (version 5) that are needed here. */
export interface Lock {
  readonly version: string;
  /** From a required package (`npm:fast-check@4.10.2`) to the version that it got. */
  readonly specifiers: Readonly<Record<string, string>>;
  /** From a package (`fast-check@4.10.2`) to its checksum and the names of what it requires. */
  readonly npm: Readonly<Record<string, { readonly dependencies?: readonly string[] }>>;
}

/** What the program consists of. */
export interface Program {
  /** Its own files. */
  readonly paths: readonly string[];
  /** Those of its files that it starts as workers, which `deno compile` does not find by itself. */
  readonly workers: readonly string[];
  /** Its imports that deno.json maps to a package, such as `@std/cli/parse-args`. */
  readonly mapped: readonly string[];
}

/** Follows the imports from `main.ts`. */
export function readProgram(graph: ModuleGraph, config: Config): Program {
  const paths = [...reachableFrom(graph, ["main.ts"])].sort();
  const imports = paths.flatMap((path) => graph.get(path)!.imports);
  const workers = imports.flatMap(({ kind, target }) => kind === "worker" ? [target!] : []);
  const mapped = imports.map(({ specifier }) => specifier).filter((name) => name in config.imports);
  return { paths, workers: sortedSet(workers), mapped: sortedSet(mapped) };
}

/** The configuration to compile with; `lock` stands beside it. */
export function compileConfig(config: Config, program: Program): Record<string, unknown> {
  return {
    imports: Object.fromEntries(program.mapped.map((name) => [name, config.imports[name]!])),
    lock: { path: "deno.lock", frozen: true },
    nodeModulesDir: "none",
  };
}

/** The lock file cut down to the packages of the program and what these require. */
export function compileLock(lock: Lock, config: Config, program: Program): Record<string, unknown> {
  const required = sortedSet(
    program.mapped.map((name) => packageOf(config.imports[name]!)),
  );
  const kept = new Set<string>();
  const open = required.map((name) => {
    const version = lock.specifiers[name];
    if (version === undefined) {
      throw new Error(`Cannot find ${name} in deno.lock: run deno install`);
    }
    return name.replace(/^npm:/, "").replace(/@[^@]*$/, `@${version}`);
  });
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (kept.has(name)) continue;
    kept.add(name);
    for (const dependency of lock.npm[name]?.dependencies ?? []) {
      // A dependency is named without its version where the lock holds only one version of it.
      const isFullName = dependency in lock.npm;
      const prefix = `${dependency}@`;
      const full = isFullName
        ? dependency
        : Object.keys(lock.npm).find((n) => n.startsWith(prefix));
      if (full !== undefined) open.push(full);
    }
  }
  const isKept = ([name]: [string, unknown]) => kept.has(name);
  return {
    version: lock.version,
    specifiers: Object.fromEntries(required.map((name) => [name, lock.specifiers[name]!])),
    npm: Object.fromEntries(Object.entries(lock.npm).filter(isKept)),
    workspace: { dependencies: required },
  };
}

/** The permission flags of the program: those of the task that runs it from source. */
export function permissionFlags(config: Config): string[] {
  const words = config.tasks["p2pnode"]!.command.split(" ");
  return words.filter((word) => word.startsWith("--allow-") || word === "--no-prompt");
}

/** `npm:deno-std@1.4.0` of `npm:deno-std@1.4.0/cli/parse_args.js`. */
function packageOf(specifier: string): string {
  const match = /^npm:(?:@[^/]+\/)?[^/]+/.exec(specifier);
  if (match === null) {
    throw new Error(`Cannot compile ${specifier}: only npm packages are expected`);
  }
  return match[0];
}

function sortedSet(items: readonly string[]): string[] {
  return [...new Set(items)].sort();
}
