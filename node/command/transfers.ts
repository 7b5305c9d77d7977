/** Shows the transfers of a node while they run: as bars on a board, or as events for scripts. */

import type { Clock } from "../../protocol/ports.ts";
import type { SwarmNode } from "../swarm/swarm_node.ts";
import type { ProgressBoard } from "../terminal/progress_board.ts";
import type { TransferProgress } from "../traffic/transfer_progress.ts";

/** How often new transfers are looked for. */
const LOOK_MS = 100;
/** How often progress is printed as an event. */
const EVENT_MS = 500;

/** Something that is being fetched. */
interface Transfer {
  readonly progress: TransferProgress;
}

function transfersOf(node: SwarmNode): Set<Transfer> {
  return new Set<Transfer>([...node.downloads, ...node.wholeFetches]);
}

/** Keeps a bar on the board for each transfer of the node, until the signal is aborted. */
export async function showBars(
  node: SwarmNode,
  { board, clock, signal }: { board: ProgressBoard; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const bars = new Map<Transfer, Disposable>();
  while (!signal.aborted) {
    const running = transfersOf(node);
    for (const [transfer, bar] of bars) {
      if (running.has(transfer)) continue;
      bar[Symbol.dispose]();
      bars.delete(transfer);
    }
    for (const transfer of running) {
      if (!bars.has(transfer)) bars.set(transfer, board.track(() => transfer.progress));
    }
    await clock.sleep(LOOK_MS, signal);
  }
  for (const bar of bars.values()) bar[Symbol.dispose]();
}

/** Prints an event for each transfer twice a second, until the signal is aborted. */
export async function printProgress(
  node: SwarmNode,
  { print, clock, signal }: {
    print: (line: string) => void;
    clock: Clock;
    signal: AbortSignal;
  },
): Promise<void> {
  while (!signal.aborted) {
    for (const { progress } of transfersOf(node)) print(JSON.stringify(progressEvent(progress)));
    await clock.sleep(EVENT_MS, signal);
  }
}

function progressEvent(progress: TransferProgress) {
  return {
    event: "progress",
    name: progress.name,
    bytes: progress.bytesDone,
    size: progress.bytesTotal,
    rate: Math.round(progress.bytesPerSecond),
    peers: progress.peers,
    bad_blocks: progress.badBlocks,
  };
}
