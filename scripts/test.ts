/**
 * Runs the tests: `deno task test`.
 *
 * Without arguments every suite runs; `unit`, `simulation` and `e2e` name single ones, and anything else
 * is passed on to `deno test` as it is (`deno task test protocol/ --filter header`). The suites run one
 * after the other, and the files of a suite side by side: as many as there are cores, and twice as many in
 * the end-to-end tests, which spend half of their time waiting. Types are left to `deno task check`. The
 * last line counts what ran.
 */

import { compile } from "./compile.ts";

/** What ran, counted from the runner's own output. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

type Suite = "unit" | "simulation" | "e2e";

const SUITES: readonly Suite[] = ["unit", "simulation", "e2e"];

/**
 * The files that take half a minute and more, the longest first. They begin before all others, so that none of
 * them is left to run alone in the end.
 */
export const LONG_FILES: readonly string[] = [
  ...["sync_kill", "kill", "sync_burst", "sync_transfer", "bench", "hostile"],
  ...["sync_server_kill", "serve", "sync_restart", "sync_deletions"],
].map((name) => `tests/e2e_${name}_test.ts`);

/** The suite that a test file belongs to, by its path. */
export function suiteOf(path: string): Suite {
  const [, name] = /^tests\/(simulation|e2e)[^/]*_test\.ts$/.exec(path) ?? [];
  return name === undefined ? "unit" : name as Suite;
}

/** The order to run test files in: the long ones, then all others by their names. */
export function inOrder(paths: readonly string[]): string[] {
  const others = paths.filter((path) => !LONG_FILES.includes(path));
  return [...LONG_FILES.filter((path) => paths.includes(path)), ...others.toSorted()];
}

/**
 * Reads the line that ends a run of `deno test`, such as `ok | 3 passed (2 steps) | 0 failed (1s)`.
 * A run that ended without it (a type error, a crash) counts as one failure.
 */
export function readCounts(output: string): Counts {
  const lines = output.split("\n").filter((line) => /^(?:ok|FAILED) \| \d+ passed/.test(line));
  const last = lines.at(-1);
  if (last === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const count = (what: string) => Number(new RegExp(`(\\d+) ${what}`).exec(last)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

/** The closing line: `12 passed, 0 failed`, with the skipped ones if there are any. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  const tail = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${tail}`;
}

/** Runs `deno test` with its output shown as it comes, and counts. */
async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    // Deno 2.7 has the sanitizers on and knows no setting for them, 2.8 and later have them off.
    env: { DENO_TEST_SANITIZE_OPS: "1", DENO_TEST_SANITIZE_RESOURCES: "1", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    await writeAll(bytes);
    output += decoder.decode(bytes, { stream: true });
  }
  const { success } = await child.status;
  const counts = readCounts(output);
  if (!success && counts.failed === 0) counts.failed++;
  return counts;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await Deno.stdout.write(bytes.subarray(written));
  }
}

/** All test files below `folder`, hidden folders and build output aside. */
async function testFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder || ".")) {
    if (name.startsWith(".") || name === "dist") continue;
    if (isDirectory) paths.push(...await testFiles(`${folder}${name}/`));
    else if (name.endsWith("_test.ts")) paths.push(folder + name);
  }
  return paths;
}

/** How many files of a suite run side by side, as the runner is told in its environment. */
function jobsOf(suite: Suite): Record<string, string> {
  const count = navigator.hardwareConcurrency * (suite === "e2e" ? 2 : 1);
  return { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? String(count) };
}

async function runSuites(suites: readonly Suite[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const files = await testFiles("");
  for (const suite of suites) {
    const own = inOrder(files.filter((path) => suiteOf(path) === suite));
    if (own.length === 0) continue;
    console.log(`\n== ${suite} tests`);
    const { passed, failed, skipped } = suite === "e2e" && !await canCompile()
      ? { passed: 0, failed: 1, skipped: 0 }
      : await runTests(["--no-check", "--parallel", ...own], jobsOf(suite));
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** Compiles before the tests do, so that its messages and failures are not a test's. */
async function canCompile(): Promise<boolean> {
  try {
    await compile(Deno.cwd());
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

if (import.meta.main) {
  const isSuite = (arg: string): arg is Suite => SUITES.some((suite) => suite === arg);
  const named = Deno.args.filter(isSuite);
  const counts = Deno.args.length > named.length
    ? await runTests(Deno.args)
    : await runSuites(named.length > 0 ? named : SUITES);
  console.log(`\n${formatCounts(counts)}`);
  Deno.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
}
