/** aria2 as a BitTorrent client. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";

/** Nothing that leaves this machine, no configuration, one tracker, plain TCP. */
const FLAGS = [
  "--no-conf",
  "--enable-dht=false",
  "--enable-dht6=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--disable-ipv6=true",
  "--interface=127.0.0.1",
  "--bt-external-ip=127.0.0.1",
  "--summary-interval=0",
  "--console-log-level=warn",
  "--follow-torrent=mem",
  "--allow-overwrite=true",
];

/** A node that has the file. */
export interface Aria2Seeder {
  readonly process: MeasuredProcess;
  /** Bytes of pieces that it has sent; aria2 counts them once a second. */
  sentBytes(): Promise<number>;
}

export async function startAria2Seeder(torrent: string, folder: string): Promise<Aria2Seeder> {
  const [port, rpcPort] = [freePort(), freePort()];
  const process = new MeasuredProcess([
    "aria2c",
    ...FLAGS,
    `--listen-port=${port}`,
    `--dir=${folder}`,
    "--check-integrity=true",
    "--seed-ratio=0.0",
    "--enable-rpc=true",
    `--rpc-listen-port=${rpcPort}`,
    torrent,
  ]);
  await untilListening(port);
  return { process, sentBytes: () => askUploadLength(rpcPort) };
}

/**
 * Starts a node that fetches the file. It prints `whole` the moment that every piece is here and checked: its
 * end comes up to two seconds later, when it has taken leave of the tracker.
 *
 * @param workFolder Where the program goes that it calls.
 */
export async function startAria2Leecher(
  torrent: string,
  folder: string,
  { workFolder, staysAsSeeder }: { workFolder: string; staysAsSeeder: boolean },
): Promise<MeasuredProcess> {
  const hook = join(workFolder, "whole.sh");
  await Deno.writeTextFile(hook, "#!/bin/sh\necho whole\n", { mode: 0o755 });
  return new MeasuredProcess([
    "aria2c",
    ...FLAGS,
    `--listen-port=${freePort()}`,
    `--dir=${folder}`,
    "--file-allocation=none",
    `--on-bt-download-complete=${hook}`,
    staysAsSeeder ? "--seed-ratio=0.0" : "--seed-time=0",
    torrent,
  ]);
}

async function askUploadLength(rpcPort: number): Promise<number> {
  const method = "aria2.tellActive";
  const body = JSON.stringify({ jsonrpc: "2.0", id: "1", method, params: [["uploadLength"]] });
  const response = await fetch(`http://127.0.0.1:${rpcPort}/jsonrpc`, { method: "POST", body });
  const { result } = await response.json();
  return Number(result[0].uploadLength);
}
