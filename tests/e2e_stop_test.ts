/** Ctrl-C while a command waits for a tracker, end to end: it ends at once. A `get` that got nothing has failed. */

import { assertEquals } from "@std/assert";
import { temporaryFolder } from "./files.ts";
import { start } from "./harness.ts";
import { MuteTracker } from "./hostile.ts";
import { HOST } from "./swarm.ts";

const COMMANDS = [["ls"], ["get", "a.bin"], ["get", "--all"]];

for (const [command, ...args] of COMMANDS) {
  // Its exit code, and how many lines it says about it.
  const code = command === "get" ? 1 : 0;
  const name = ["p2pnode", command, ...args].join(" ");

  Deno.test(`"${name}" can be stopped while the tracker owes an answer`, async () => {
    using folder = temporaryFolder();
    await using tracker = new MuteTracker();
    const where = [HOST, String(tracker.address.port)];
    await using process = await start([command!, ...where, ...args], { cwd: folder.path });
    await tracker.asked;
    process.signal("SIGINT");
    assertEquals([await process.exit(), process.stderr.length], [code, code]);
  });

  Deno.test(`"${name}" can be stopped while the tracker owes a greeting`, async () => {
    using folder = temporaryFolder();
    using listener = Deno.listen({ hostname: HOST, port: 0 });
    const where = [HOST, String(listener.addr.port)];
    await using process = await start([command!, ...where, ...args], { cwd: folder.path });
    using _connection = await listener.accept();
    process.signal("SIGINT");
    assertEquals([await process.exit(), process.stderr.length], [code, code]);
  });
}
