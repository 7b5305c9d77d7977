/** Shows the large files that are on their way: as bars on a board, or as events for scripts. */

import type { Clock } from "../../protocol/ports.ts";
import { RateMeter } from "../traffic/rate_meter.ts";
import type { SyncClient, SyncTransfer } from "../sync/client.ts";
import type { ProgressBoard } from "../terminal/progress_board.ts";
import type { Telling } from "./telling.ts";

/** How often transfers are looked at. */
const LOOK_MS = 100;
/** How often progress is printed as an event: every so many looks. */
const EVENT_LOOKS = 5;

/** A transfer that is shown. */
interface Bar {
  /** How far it was at the last look. */
  readonly current: { transfer: SyncTransfer };
  readonly meter: RateMeter;
  readonly shown: Disposable;
}

export interface SyncBarsOptions {
  readonly board: ProgressBoard;
  readonly telling: Telling;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Shows transfers until the signal is aborted. */
export async function showSyncTransfers(
  client: Pick<SyncClient, "transfers">,
  { board, telling, clock, signal }: SyncBarsOptions,
): Promise<void> {
  const bars = new Map<string, Bar>();
  for (let look = 0; !signal.aborted; look++) {
    const running = new Map([...client.transfers].map((transfer) => [keyOf(transfer), transfer]));
    for (const [key, bar] of bars) {
      if (running.has(key)) continue;
      bar.shown[Symbol.dispose]();
      bars.delete(key);
    }
    for (const [key, transfer] of running) {
      const bar = bars.get(key) ?? newBar(transfer, { board, clock });
      bar.meter.add(Math.max(0, transfer.bytesDone - bar.meter.total));
      bar.current.transfer = transfer;
      bars.set(key, bar);
      if (look % EVENT_LOOKS === 0) tellProgress(telling, transfer);
    }
    await clock.sleep(LOOK_MS, signal);
  }
  for (const { shown } of bars.values()) shown[Symbol.dispose]();
}

function keyOf({ path, direction }: SyncTransfer): string {
  return `${direction} ${path}`;
}

function newBar(
  transfer: SyncTransfer,
  { board, clock }: Pick<SyncBarsOptions, "board" | "clock">,
): Bar {
  const meter = new RateMeter(clock);
  // The board draws at once, and then asks how far the transfer is.
  const current = { transfer };
  const shown = board.track(() => ({
    name: current.transfer.path,
    bytesDone: current.transfer.bytesDone,
    bytesTotal: current.transfer.bytesTotal,
    bytesPerSecond: meter.rate(),
    peers: 0,
    badBlocks: 0,
    note: current.transfer.direction,
  }));
  return { current, meter, shown };
}

function tellProgress(telling: Telling, transfer: SyncTransfer): void {
  const { path, direction, bytesDone, bytesTotal } = transfer;
  telling.tell("progress", { name: path, direction, bytes: bytesDone, size: bytesTotal });
}
