/** Tests of a server whose disk takes names that differ in case only for one. */

import { assertEquals } from "@std/assert";
import { toWire } from "../entry.ts";
import { ServerDisk, TestServer } from "./testing.ts";

const A = "aaaaaaaaaaaaaaaa";

function looseServer(): TestServer {
  return new TestServer(new ServerDisk({ isLoose: true }));
}

Deno.test("of two names that its disk takes for one a server refuses the second, and says why", async () => {
  await using server = looseServer();
  using a = await server.join(1);
  assertEquals(await a.put(["Plan.txt", "upper", `${A}:1`]), ["stored"]);
  const entries = [toWire(a.entryOf(["plan.txt", "lower", `${A}:1`]))];
  const { outcomes } = await a.connection.request({ type: "putEntries", entries }, "put");
  assertEquals(outcomes, [{
    outcome: "refused",
    reason: "the server's disk takes it and Plan.txt for the same name (rename one of them)",
  }]);
  assertEquals(server.disk.textOf("alice", "Plan.txt"), "upper");
});

Deno.test("files of two folders that its disk takes for one are not mixed by a server", async () => {
  await using server = looseServer();
  using a = await server.join(1);
  await a.put(["Docs", "folder/", `${A}:1`], ["Docs/one", "1", `${A}:1`]);
  assertEquals(
    await a.put(["docs", "folder/", `${A}:1`], ["docs/two", "2", `${A}:1`]),
    ["refused", "refused"],
  );
  assertEquals(await a.put(["Docs/three", "3", `${A}:1`]), ["stored"]);
  assertEquals(server.disk.textOf("alice", "docs/two"), undefined);
});

Deno.test("a server whose disk takes two names for one lets the one follow the other", async () => {
  await using server = looseServer();
  using a = await server.join(1);
  await a.put(["Plan.txt", "text", `${A}:1`]);
  const renamed = await a.put(["plan.txt", "text", `${A}:1`], ["Plan.txt", null, `${A}:2`]);
  assertEquals(renamed, ["stored", "stored"]);
  assertEquals(await a.put(["plan.txt", null, `${A}:2`]), ["stored"]);
  assertEquals(await a.put(["PLAN.txt", "new", `${A}:1`]), ["stored"]);
  assertEquals(server.disk.textOf("alice", "PLAN.txt"), "new");
});
