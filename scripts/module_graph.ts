/**
 * Which file of the project imports which.
 *
 * The layout check and the compiler script both need the graph: the one to find forbidden imports,
 * cycles and orphans, the other to know what the binary consists of. Paths are relative to the
 * project's root, with `/` between their parts.
 */

import { join, posix } from "node:path";
import { lineAt, readSource } from "./source_text.ts";

/** One import of a module. */
export interface Import {
  /** As it is written: `./frame.ts`, `@std/assert`, `node:crypto`. */
  readonly specifier: string;
  /** The path that a relative specifier leads to, whether or not such a file exists. */
  readonly target?: string;
  /** Where it is written, counted from 1. */
  readonly line: number;
  /** `worker` for `new URL("./x.ts", import.meta.url)`, which starts the file in a thread of its own. */
  readonly kind: "module" | "worker";
}

/** One TypeScript file of the project. */
export interface Module {
  readonly path: string;
  /** Its code with comments and strings blanked out, line breaks kept. */
  readonly code: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  /** Whether it can be run by itself, which it says by asking for `import.meta.main`. */
  readonly isProgram: boolean;
}

/** All TypeScript files of a project by their path, in the order of their paths. */
export type ModuleGraph = ReadonlyMap<string, Module>;

const FOLDERS_WITHOUT_SOURCE = new Set(["dist", "coverage", "node_modules", "peers_data"]);
const IMPORT_SHAPES: readonly { pattern: RegExp; kind: Import["kind"] }[] = [
  { pattern: /\b(?:import|export)\s[\w\s{},*$]*?\bfrom\s*(?=["'])/g, kind: "module" },
  { pattern: /\bimport\s*(?=["'])/g, kind: "module" },
  { pattern: /\bimport\s*\(\s*(?=["'`])/g, kind: "module" },
  { pattern: /\bnew\s+URL\s*\(\s*(?=["'][^"']*["']\s*,\s*import\.meta\.url)/g, kind: "worker" },
];

/** Reads every `.ts` file below `root`, hidden folders and build output aside. */
export async function readModuleGraph(root: string): Promise<ModuleGraph> {
  const graph = new Map<string, Module>();
  for (const path of (await sourcePaths(root, "")).sort()) {
    graph.set(path, readModule(path, await Deno.readTextFile(join(root, path))));
  }
  return graph;
}

/** What one file imports, by its text alone. */
export function readModule(path: string, text: string): Module {
  const { code, strings } = readSource(text);
  const found = new Map<number, Import>();
  for (const { pattern, kind } of IMPORT_SHAPES) {
    for (const match of code.matchAll(pattern)) {
      const quote = match.index + match[0].length;
      const specifier = strings.get(quote);
      if (specifier === undefined) continue;
      const target = /^\.\.?\//.test(specifier)
        ? { target: posix.join(posix.dirname(path), specifier) }
        : {};
      if (kind === "worker" && !target.target?.endsWith(".ts")) continue;
      found.set(quote, { specifier, ...target, line: lineAt(code, quote), kind });
    }
  }
  return {
    path,
    code,
    lineCount: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
    imports: [...found.keys()].sort((a, b) => a - b).map((quote) => found.get(quote)!),
    isProgram: /\bimport\.meta\.main\b/.test(code),
  };
}

/** The files that are loaded when `entries` are, these included: by imports and as workers. */
export function reachableFrom(graph: ModuleGraph, entries: Iterable<string>): Set<string> {
  const reached = new Set<string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const module = graph.get(path);
    if (module === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { target } of module.imports) if (target !== undefined) open.push(target);
  }
  return reached;
}

async function sourcePaths(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(root, folder))) {
    if (name.startsWith(".") || FOLDERS_WITHOUT_SOURCE.has(name)) continue;
    const path = posix.join(folder, name);
    if (isDirectory) paths.push(...await sourcePaths(root, path));
    else if (isFile && name.endsWith(".ts")) paths.push(path);
  }
  return paths;
}
