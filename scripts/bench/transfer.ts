/** Measures one client that fetches from one source. */

import type { MeasuredProcess } from "./measured_process.ts";
import type { Figures } from "./workload.ts";

export interface Transfer {
  /** Who serves; its time counts from now on. */
  readonly source: MeasuredProcess;
  /** Starts the client. */
  readonly start: () => MeasuredProcess | Promise<MeasuredProcess>;
  /** Waits until the client is done and answers how many seconds after its start that was. */
  readonly secondsOf: (client: MeasuredProcess) => Promise<number>;
}

/** Answers the figures of both sides. The client has ended by then. */
export async function measureTransfer({ source, start, secondsOf }: Transfer): Promise<Figures> {
  const cpuBefore = source.figures.cpuSeconds;
  await using client = await start();
  const seconds = await secondsOf(client);
  const [from, to] = [source.figures, client.figures];
  return {
    seconds,
    sourceCpu: from.cpuSeconds - cpuBefore,
    targetCpu: to.cpuSeconds,
    sourceMemory: from.peakMemory,
    targetMemory: to.peakMemory,
  };
}

/** For a client that ends when it is done. */
export async function secondsToEnd(client: MeasuredProcess): Promise<number> {
  await client.success();
  return client.seconds;
}

/** For a client that prints `whole` when it is done. */
export async function secondsToWhole(client: MeasuredProcess): Promise<number> {
  await client.line(/^whole$/);
  return (performance.now() - client.startMs) / 1000;
}
