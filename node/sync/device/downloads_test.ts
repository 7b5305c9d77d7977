import { assertEquals, assertRejects } from "@std/assert";
import { ConnectionClosed } from "../../../protocol/errors.ts";
import { settled } from "../../../protocol/testing.ts";
import { MemoryDeviceIndex } from "../../../tests/sync_simulation/memory_device_index.ts";
import type { ContentFetcher, WantedContent } from "../../transfer/contents.ts";
import { systemClock } from "../../platform/clock.ts";
import { Bell } from "./bell.ts";
import { Downloads } from "./downloads.ts";
import { Ledger } from "./ledger.ts";
import type { SessionContext } from "./session_context.ts";

const REPLICA = "1".repeat(16);

/** The server has a large file at this path, and this device has not. */
function tellOf(ledger: Ledger, path: string, number: number): void {
  const id = new Uint8Array(32).fill(number);
  const state = { kind: "file", id, size: 1_000_000, executable: false } as const;
  const remote = { ...state, version: `${REPLICA}:1` };
  ledger.save([{ path, local: undefined, remote }]);
}

/** Contents that cannot be had, each for the reason that goes with the first byte of its id. */
function contentsThatFail(
  failures: Record<number, (signal: AbortSignal) => Promise<void>>,
): ContentFetcher {
  return {
    // deno-lint-ignore require-yield -- each of them fails
    async *fetch(wants: readonly WantedContent[], { signal }) {
      for (const { id } of wants) await failures[id[0]!]!(signal);
    },
  };
}

Deno.test("Downloads ends when nothing is under way any more, and leaves the paths to others", async () => {
  const ledger = new Ledger(new MemoryDeviceIndex(REPLICA));
  let hasEnded = false;
  const broken = Promise.withResolvers<void>();
  const contents = contentsThatFail({
    1: async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      // As a partial file that is closed does.
      for (let turn = 0; turn < 3; turn++) await settled();
      hasEnded = true;
      throw signal.reason;
    },
    2: () => broken.promise,
  });
  const downloads = new Downloads({
    ...{ ledger, contents, clock: systemClock, device: "laptop" },
    folder: { twinOf: () => undefined },
    local: { bell: new Bell(), isComplete: true },
  } as unknown as SessionContext);
  const running = downloads.run(new AbortController().signal);
  tellOf(ledger, "slow", 1);
  await settled();
  tellOf(ledger, "broken", 2);
  await settled();
  assertEquals(ledger.down.busyPaths().toSorted(), ["broken", "slow"]);
  broken.reject(new ConnectionClosed("the server went away"));
  await assertRejects(() => running, ConnectionClosed, "the server went away");
  assertEquals(hasEnded, true);
  ledger.releaseAll();
  await settled();
  assertEquals(ledger.down.busyPaths(), []);
});
