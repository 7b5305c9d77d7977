import { assertEquals } from "@std/assert";
import type { Connection } from "../../../protocol/connection.ts";
import { ConnectionClosed } from "../../../protocol/errors.ts";
import { settled } from "../../../protocol/testing.ts";
import { MemoryDeviceIndex } from "../../../tests/sync_simulation/memory_device_index.ts";
import { FOLDER } from "../entry.ts";
import { Ledger } from "./ledger.ts";
import type { SessionContext } from "./session_context.ts";
import { Uploads } from "./uploads.ts";

const REPLICA = "1".repeat(16);

Deno.test("Uploads asks nothing more of a connection that is closed", async () => {
  const ledger = new Ledger(new MemoryDeviceIndex(REPLICA));
  const local = { ...FOLDER, version: `${REPLICA}:1`, stamp: "" };
  ledger.save([{ path: "folder", local, remote: undefined }]);
  const ended = new AbortController();
  let askedCount = 0;
  let isClosed = false;
  const connection = {
    get isClosed() {
      return isClosed;
    },
    request() {
      isClosed = true;
      // Where it went on asking, nothing else would ever happen again.
      if (++askedCount === 100) ended.abort();
      return Promise.reject(new ConnectionClosed("the server went away"));
    },
  } as unknown as Connection;
  const uploads = new Uploads({ connection, ledger } as unknown as SessionContext);
  const running = uploads.run(ended.signal);
  await settled();
  ended.abort();
  await running;
  assertEquals(askedCount, 1);
});
