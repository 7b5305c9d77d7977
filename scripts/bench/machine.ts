/** What the figures belong to: this machine, and this state of the sources. */

import { cpus, loadavg, release, totalmem } from "node:os";
import { formatSize } from "../../node/text/size.ts";

/** Lines such as `machine: 2 × AMD EPYC, 24 GiB, Linux 6.1.0`. */
export async function describeCircumstances(): Promise<string[]> {
  const processors = cpus();
  const model = processors[0]?.model ?? "unknown processor";
  const memory = formatSize(totalmem());
  return [
    `commit: ${await describeCommit()}`,
    `machine: ${processors.length} × ${model}, ${memory} of memory, Linux ${release()}`,
    `date: ${new Date().toISOString().slice(0, 10)}`,
    `load average before the first run: ${loadavg()[0]!.toFixed(1)} (other work spoils figures)`,
  ];
}

async function describeCommit(): Promise<string> {
  const hash = await git("rev-parse", "--short=12", "HEAD");
  if (hash === undefined) return "unknown";
  const changes = await git("status", "--porcelain");
  return changes === "" ? hash : `${hash} with uncommitted changes`;
}

async function git(...args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args: [...args] }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
