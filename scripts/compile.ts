/**
 * Compiles `main.ts` into `dist/p2pnode`, one file that runs by itself: `deno task compile`.
 *
 * `--target TRIPLE` compiles for another system, into `dist/p2pnode-TRIPLE`. Nothing is done when the
 * binary was made of the same sources: their hash stands beside it.
 */

import { parseArgs } from "@std/cli/parse-args";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { compileConfig, compileLock, permissionFlags, readProgram } from "./compile_config.ts";
import type { Config, Lock, Program } from "./compile_config.ts";
import { type Compiler, findCompiler } from "./compile_runtime.ts";
import { readModuleGraph } from "./module_graph.ts";

/** What to compile for. */
export interface CompileOptions {
  /** A target of `deno compile`, such as `aarch64-apple-darwin`; this machine's when absent. */
  readonly target?: string;
}

/**
 * Of each thread's heap, the young part grows to 24 MiB at most (three times this), where V8 lets it grow to 48. Half
 * of that was garbage that nobody was in a hurry to collect: a process of four threads takes 30 to 60 MiB less, with
 * the same processor time. With 2 MiB a tracker took more.
 */
const V8_FLAGS = ["--max-semi-space-size=8"];

const OWN_SOURCES = ["compile.ts", "compile_config.ts", "compile_runtime.ts"];

/**
 * Compiles the project at `root` and answers the path of the binary.
 *
 * @throws {Error} when no runtime can be had, or when the compiler or the new binary fails.
 */
export async function compile(root: string, options: CompileOptions = {}): Promise<string> {
  const target = options.target ?? Deno.build.target;
  const isNative = target === Deno.build.target;
  const suffix = target.includes("windows") ? ".exe" : "";
  const name = (isNative ? "p2pnode" : `p2pnode-${target}`) + suffix;
  const binary = join(root, "dist", name);
  const build = join(root, "dist", "build", name);

  const config: Config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const lock: Lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  const program = readProgram(await readModuleGraph(root), config);
  const inputs = await hashOfInputs(root, program);
  const stamp = join(build, "inputs.sha256");
  if (await isFresh(binary, stamp, inputs)) return binary;

  const start = performance.now();
  const compiler = await findCompiler(target);
  await Deno.mkdir(build, { recursive: true });
  await writeJson(join(build, "deno.json"), compileConfig(config, program));
  await writeJson(join(build, "deno.lock"), compileLock(lock, config, program));
  const output = join(build, name);
  await runCompiler(compiler, root, [
    // Types are checked by `deno task check`.
    ...["compile", "--quiet", "--no-check", "--config", join(build, "deno.json")],
    // The code cache would lie under a fixed name in the folder for temporary files, where any user of
    // the machine can leave a file that the binary would then execute.
    "--no-code-cache",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    ...permissionFlags(config),
    ...program.workers.flatMap((path) => ["--include", path]),
    ...["--target", target, "--output", output, "main.ts"],
  ]);
  if (isNative) await checkBinary(output);
  await Deno.writeTextFile(stamp, "");
  await Deno.rename(output, binary);
  await Deno.writeTextFile(stamp, inputs);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`compiled ${name} with ${compiler.description} in ${seconds} s`);
  return binary;
}

/** A hash over everything that the binary is made of. */
async function hashOfInputs(root: string, program: Program): Promise<string> {
  const hash = createHash("sha256").update(`${Deno.version.deno} ${Deno.env.get("DENORT_BIN")}`);
  const own = OWN_SOURCES.map((name) => `scripts/${name}`);
  for (const path of [...program.paths, ...own, "deno.json", "deno.lock"]) {
    hash.update(`\n${path}\n`).update(await Deno.readFile(join(root, path)));
  }
  return hash.digest("hex");
}

async function isFresh(binary: string, stamp: string, inputs: string): Promise<boolean> {
  try {
    await Deno.stat(binary);
    return await Deno.readTextFile(stamp) === inputs;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function runCompiler(compiler: Compiler, root: string, args: string[]): Promise<void> {
  const [command, ...first] = compiler.command;
  const { success } = await new Deno.Command(command!, {
    args: [...first, ...args],
    cwd: root,
    env: compiler.env,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error(`Cannot compile: ${compiler.description} failed (see above)`);
}

/** A runtime of another version than the compiler gives a binary that does not start. */
async function checkBinary(path: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(path, { args: ["version"] }).output();
  if (success) return;
  const [reason] = new TextDecoder().decode(stderr).split("\n");
  throw new Error(
    `Cannot use the compiled binary: ${reason} ` +
      "(does DENORT_BIN, if set, have this Deno's version?)",
  );
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2) + "\n");
}

if (import.meta.main) {
  const { target } = parseArgs(Deno.args, { string: ["target"] });
  try {
    await compile(Deno.cwd(), target === undefined ? {} : { target });
  } catch (error) {
    console.error(`compile: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
