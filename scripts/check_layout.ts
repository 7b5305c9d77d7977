/**
 * Checks that the house is built as ARCHITECTURE.md says: `deno task check` runs it.
 *
 * Three rules. 1, rooms: which folder may import from which. 2, ports: time, randomness, network and
 * files are touched in a few places only and reach the rest as parameters. 3, shape: no import cycles,
 * nothing that the program does not use, no file too long to read. Each message names the place, the
 * rule and the mend. Tests stand beside the code that they test (`x_test.ts`, `x_bench.ts`, and
 * `testing.ts` for what several of them share) and may use what rule 2 keeps from it.
 */

import { type Module, type ModuleGraph, reachableFrom, readModuleGraph } from "./module_graph.ts";
import { lineAt } from "./source_text.ts";

/** One place that breaks a rule. */
export interface Violation {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly rule: "1 (rooms)" | "2 (ports)" | "3 (shape)";
  readonly problem: string;
  readonly mend: string;
}

const LINE_COUNT_MAX = 500;

/** What each room may import from; the rooms that are absent may import from all. */
const ROOMS_OPEN_TO: Readonly<Record<string, readonly string[]>> = {
  "protocol": ["protocol"],
  "tracker": ["tracker", "protocol"],
  "node": ["node", "protocol"],
  "main.ts": ["main.ts", "node", "tracker", "protocol", "deno.json"],
};
const ROOMS = [...Object.keys(ROOMS_OPEN_TO), "tests", "scripts"];

/** What each room in node/ may import from of the others in node/: the third column of the map in ARCHITECTURE.md. */
const NODE_ROOMS_OPEN_TO: Readonly<Record<string, readonly string[]>> = {
  content: [],
  traffic: [],
  text: [],
  connecting: [],
  terminal: ["text", "traffic"],
  store: ["content"],
  folder: ["store"],
  transfer: ["content", "store"],
  swarm: ["content", "store", "connecting", "traffic", "text"],
  sync: ["store", "folder", "transfer", "connecting"],
  copy: ["content", "store", "folder", "transfer", "connecting", "traffic"],
  mirror: ["copy", "transfer", "connecting", "traffic", "text"],
};
const NODE_ROOMS = [...Object.keys(NODE_ROOMS_OPEN_TO), "command", "platform"];

const OUTSIDE_WORLD =
  /\bDeno\b|\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bset(?:Timeout|Interval)\b|\bAbortSignal\.timeout\b|\bMath\.random\b/g;
const OUTSIDE_WORLD_MODULES =
  /^node:(?:fs|net|dgram|dns|http|https|http2|tls|child_process|worker_threads|timers|os|process)(?:\/|$)/;

/** Every place in the project below `root` that breaks a rule, by path and line. */
export async function checkLayout(root: string): Promise<Violation[]> {
  const graph = await readModuleGraph(root);
  const modules = [...graph.values()];
  const violations = [
    ...modules.flatMap(roomViolations),
    ...modules.flatMap(nodeRoomViolations),
    ...modules.flatMap(portViolations),
    ...cycleViolations(graph),
    ...orphanViolations(graph),
    ...modules.flatMap(lengthViolations),
  ];
  return violations.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}

/** A violation as one line, `path:line: problem (rule; mend)`, that editors can jump from. */
export function formatViolation({ path, line, rule, problem, mend }: Violation): string {
  return `${path}:${line}: ${problem}. Rule ${rule}. Mend: ${mend}.`;
}

function roomViolations(module: Module): Violation[] {
  const { path } = module;
  const room = roomOf(path);
  const at = { path, rule: "1 (rooms)" } as const;
  if (!ROOMS.includes(room)) {
    const mend = `move it into one of ${ROOMS.join(", ")}, or add the room to ROOMS_OPEN_TO`;
    return [{ ...at, line: 1, problem: `${room} is no room of the house`, mend }];
  }
  const openTo = ROOMS_OPEN_TO[room];
  if (openTo === undefined) return [];
  const allowed = isTest(path) ? [...openTo, "tests"] : openTo;
  return module.imports.flatMap((imported): Violation[] => {
    const { line, specifier, target } = imported;
    if (target === undefined) {
      if (room !== "protocol" || isTest(path)) return [];
      const mend = "protocol/ is pure; take what it needs as a parameter";
      return [{ ...at, line, problem: `protocol/ imports ${specifier}`, mend }];
    }
    if (isTest(target) && !isTest(path)) {
      const mend = "move what the program needs of it into a file of its own";
      return [{ ...at, line, problem: `${path} imports ${target}, a test`, mend }];
    }
    if (allowed.includes(roomOf(target))) return [];
    const mend =
      `${room} may import from ${allowed.join(", ")}: take the thing as a parameter and ` +
      "wire it in main.ts, or move what both need into protocol/";
    return [{ ...at, line, problem: `${room} imports ${target}`, mend }];
  });
}

/** As `roomViolations`, for the rooms in node/. Tests may import from all of them. */
function nodeRoomViolations({ path, imports }: Module): Violation[] {
  const room = nodeRoomOf(path);
  if (room === undefined || isTest(path)) return [];
  const at = { path, rule: "1 (rooms)" } as const;
  if (!NODE_ROOMS.includes(room)) {
    const mend = `move it into one of ${NODE_ROOMS.join(", ")}, or add the room to ` +
      "NODE_ROOMS_OPEN_TO and to the map in ARCHITECTURE.md";
    return [{ ...at, line: 1, problem: `node/${room} is no room of the house`, mend }];
  }
  // Commands know of the platform what node/command/world.ts says; the platform provides for all.
  const openTo = NODE_ROOMS_OPEN_TO[room] ??
    NODE_ROOMS.filter((other) => room === "platform" || other !== "platform");
  return imports.flatMap(({ line, target }): Violation[] => {
    const other = target === undefined ? undefined : nodeRoomOf(target);
    if (other === undefined || other === room || openTo.includes(other)) return [];
    const mend = `node/${room} may import from ${openTo.join(", ") || "no other room in node/"}: ` +
      "take the thing as a parameter, or move what both need into a room that both may use";
    return [{ ...at, line, problem: `node/${room} imports ${target}`, mend }];
  });
}

function portViolations(module: Module): Violation[] {
  const { path, code } = module;
  const mayTouch = ["main.ts", "tests", "scripts"].includes(roomOf(path)) ||
    path.startsWith("node/platform/") || isTest(path);
  if (mayTouch) return [];
  const names = [...code.matchAll(OUTSIDE_WORLD)].map((match) => ({
    name: match[0],
    line: lineAt(code, match.index),
  }));
  const builtIns = module.imports.filter(({ specifier }) => OUTSIDE_WORLD_MODULES.test(specifier))
    .map(({ specifier, line }) => ({ name: specifier, line }));
  return [...names, ...builtIns].map(({ name, line }) => ({
    path,
    line,
    rule: "2 (ports)",
    problem: `${name} outside of main.ts, node/platform/, tests/ and scripts/`,
    mend: "take a Clock, Random, Network (protocol/ports.ts) or Disk (node/store/disk.ts) as a " +
      "parameter, or move the code to node/platform/",
  }));
}

/** One violation for each import that closes a cycle, found by walking the graph depth first. */
function cycleViolations(graph: ModuleGraph): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    trail.push(path);
    for (const { target, line, kind } of graph.get(path)!.imports) {
      if (kind === "worker" || target === undefined || done.has(target) || !graph.has(target)) {
        continue;
      }
      const start = trail.indexOf(target);
      if (start === -1) visit(target);
      else {
        const cycle = [...trail.slice(start), target].join(" → ");
        violations.push({
          path,
          line,
          rule: "3 (shape)",
          problem: `import cycle ${cycle}`,
          mend: "move what both sides need into a file that imports neither",
        });
      }
    }
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) if (!done.has(path)) visit(path);
  return violations;
}

/** Files of the program that it does not load, and files of tests/ and scripts/ that nothing loads. */
function orphanViolations(graph: ModuleGraph): Violation[] {
  const modules = [...graph.values()];
  const programs = modules.filter(({ path, isProgram }) =>
    path === "main.ts" || isProgram && !isTest(path)
  );
  const used = reachableFrom(graph, programs.map(({ path }) => path));
  const tested = reachableFrom(graph, modules.map(({ path }) => path).filter(isTestFile));
  return modules.flatMap(({ path }): Violation[] => {
    if (isTestFile(path) || used.has(path)) return [];
    const isSupport = isTest(path) || ["tests", "scripts"].includes(roomOf(path));
    if (isSupport && tested.has(path)) return [];
    const problem = tested.has(path) ? "only tests import this file" : "nobody imports this file";
    const mend = isSupport
      ? "import it, delete it, or ask for import.meta.main if it is run by itself"
      : "import it where the program needs it, move it to tests/ if only tests need it, or delete it";
    return [{ path, line: 1, rule: "3 (shape)", problem, mend }];
  });
}

function lengthViolations({ path, lineCount }: Module): Violation[] {
  if (isTestFile(path) || lineCount <= LINE_COUNT_MAX) return [];
  return [{
    path,
    line: LINE_COUNT_MAX + 1,
    rule: "3 (shape)",
    problem: `${lineCount} lines, more than ${LINE_COUNT_MAX}`,
    mend: "split it where it does two things",
  }];
}

/** The first part of a path: the room that a file stands in. */
function roomOf(path: string): string {
  return path.split("/")[0]!;
}

/** The room in node/ that a file stands in. */
function nodeRoomOf(path: string): string | undefined {
  const [top, room, file] = path.split("/");
  return top === "node" && file !== undefined ? room : undefined;
}

/** Whether the test runner or the benchmark runner runs the file. */
function isTestFile(path: string): boolean {
  return /_(?:test|bench)\.ts$/.test(path);
}

/** Whether the file is a test or what tests beside it share. */
function isTest(path: string): boolean {
  return isTestFile(path) || path.endsWith("/testing.ts");
}

if (import.meta.main) {
  const violations = await checkLayout(".");
  for (const violation of violations) console.error(formatViolation(violation));
  if (violations.length > 0) {
    console.error(`layout: ${violations.length} violations`);
    Deno.exit(1);
  }
  console.log("layout: every file stands where it should");
}
