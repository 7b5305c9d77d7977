import { assertEquals, assertMatch } from "@std/assert";
import { NAME_SIZE_MAX } from "../../../protocol/path.ts";
import { REPLICA_COUNT_MAX } from "../../../protocol/sync_messages.ts";
import { MemoryDeviceIndex } from "../../../tests/sync_simulation/memory_device_index.ts";
import { TestServer } from "../server/testing.ts";
import { converge, share, stored, until, withTwo } from "./testing.ts";

Deno.test("SyncDevice keeps both contents that two devices wrote at one path", () =>
  withTwo(async (a, b) => {
    await share([a, b], { "file.txt": "first" });
    await a.stop();
    await b.stop();
    a.write("file.txt", "of a");
    b.write("file.txt", "of b");
    a.start();
    await stored(a);
    b.start();
    await until(() => Object.keys(a.tree()).length === 2, () => [a.tree(), b.tree(), b.events]);
    const copy = Object.keys(a.tree()).find((path) => path !== "file.txt")!;
    assertEquals(/^file\.conflict-machine2-[0-9a-f]{8}\.txt$/.test(copy), true, copy);
    await converge([a, b], { "file.txt": "of a", [copy]: "of b" });
    assertEquals(a.device!.conflicts().map(({ reason }) => reason), ["conflict copy of file.txt"]);
  }));

Deno.test("SyncDevice lets an edit win over a deletion", () =>
  withTwo(async (a, b) => {
    await share([a, b], { one: "1", two: "2" });
    await a.stop();
    await b.stop();
    a.remove("one");
    a.write("two", "edited");
    b.write("one", "edited");
    b.remove("two");
    a.start();
    await stored(a);
    b.start();
    await converge([a, b], { one: "edited", two: "edited" });
  }));

Deno.test("SyncDevice keeps a folder where the other device made a file", () =>
  withTwo(async (a, b) => {
    a.start();
    await converge([a], {});
    b.makeFolder("x");
    b.write("x/inside", "i");
    a.write("x", "file");
    await until(() => a.device!.status.pendingUp === 0 && a.index.row("x")?.remote !== undefined);
    b.start();
    await until(() => Object.keys(a.tree()).length === 3, () => [a.tree(), b.tree(), b.events]);
    const copy = Object.keys(a.tree()).find((path) => path.startsWith("x."))!;
    await converge([a, b], { x: "folder/", "x/inside": "i", [copy]: "file" });
  }));

Deno.test("SyncDevice lets what is in a folder wait while the server has a file there", () =>
  withTwo(async (a, b) => {
    a.write("x", "file");
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    b.makeFolder("x");
    b.makeFolder("x/below");
    b.write("x/inside", "i");
    b.write("x/below/deep", "d");
    // Whatever fails is not tried again while this test runs.
    b.start({ timings: { settleMs: 1, deletionSettleMs: 10, redialMs: 5, retryMs: 60_000 } });
    await until(() => Object.keys(a.tree()).length === 5, () => [a.tree(), b.tree(), b.events]);
    const copy = Object.keys(a.tree()).find((path) => path.startsWith("x."))!;
    const inside = { "x/inside": "i", "x/below": "folder/", "x/below/deep": "d" };
    await converge([a, b], { x: "folder/", ...inside, [copy]: "file" });
    assertEquals(b.events.filter(({ kind }) => kind === "skipped"), []);
  }));

Deno.test("SyncDevice makes room at once for a folder where it has a file", () =>
  withTwo(async (a, b) => {
    a.makeFolder("x");
    a.write("x/inside", "i");
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    b.write("x", "file");
    b.start({ timings: { settleMs: 1, deletionSettleMs: 10, redialMs: 5, retryMs: 60_000 } });
    await until(() => Object.keys(a.tree()).length === 3, () => [a.tree(), b.tree(), b.events]);
    const copy = Object.keys(a.tree()).find((path) => path.startsWith("x."))!;
    await converge([a, b], { x: "folder/", "x/inside": "i", [copy]: "file" });
  }));

Deno.test("SyncDevice lists a conflict for which there is no name, and keeps both contents", () =>
  withTwo(async (a, b) => {
    const folders = Array.from({ length: 4 }, (_, depth) => `${depth}`.repeat(200));
    const folder = folders.join("/");
    const file = `${folder}/${"f".repeat(NAME_SIZE_MAX - folder.length - 1)}`;
    for (const machine of [a, b]) {
      for (const depth of folders.keys()) machine.makeFolder(folders.slice(0, depth + 1).join("/"));
    }
    a.write(file, "of a");
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    b.write(file, "of b");
    b.start();
    const reason =
      "both devices changed it, and its name is too long for a copy (give it a shorter one)";
    await until(() => b.device!.conflicts().length > 0, () => b.events);
    assertEquals(b.device!.conflicts(), [{ path: file, reason }]);
    assertEquals([a.read(file), b.read(file)], ["of a", "of b"]);
    // What else there is goes on.
    b.write("other", "o");
    await until(() => a.read("other") === "o", () => b.events);
  }));

Deno.test("SyncDevice lists a file that is in the way of a folder and for which there is no name", () =>
  withTwo(async (a, b) => {
    const folders = Array.from({ length: 4 }, (_, depth) => `${depth}`.repeat(200));
    const folder = folders.join("/");
    const place = `${folder}/${"f".repeat(NAME_SIZE_MAX - folder.length - 3)}`;
    for (const machine of [a, b]) {
      for (const depth of folders.keys()) machine.makeFolder(folders.slice(0, depth + 1).join("/"));
    }
    a.makeFolder(place);
    a.write(`${place}/i`, "inside");
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    b.write(place, "file");
    b.start();
    await until(() => b.device!.conflicts().length === 2, () => b.events);
    await until(() => b.events.some(({ kind }) => kind === "synced"), () => b.events);
    assertEquals(b.device!.conflicts().map(({ path }) => path).sort(), [place, `${place}/i`]);
    assertEquals(b.read(place), "file");
    b.move(place, "elsewhere");
    await until(() => b.read(`${place}/i`) === "inside", () => b.events);
    await until(() => a.read("elsewhere") === "file", () => b.events);
    assertEquals(b.device!.conflicts(), []);
  }));

Deno.test("SyncDevice lists a change that too many indexes took part in, and goes on with the others", () =>
  withTwo(async (a, b, server) => {
    a.write("file", "text");
    a.write("moved", "too");
    for (let lost = 1; lost <= REPLICA_COUNT_MAX; lost++) {
      a.index = new MemoryDeviceIndex(`${lost}`.padStart(16, "0"));
      a.events.length = 0;
      a.start();
      await until(() => a.events.some(({ kind }) => kind === "synced"), () => a.events);
      a.write("file", `edit ${lost}`);
      a.write("moved", `edit ${lost}`);
      const isStored = (path: string) => server.disk.textOf("alice", path) === `edit ${lost}`;
      await until(() => isStored("file") && isStored("moved"), () => a.events);
      await a.stop();
    }
    b.start();
    const last = `edit ${REPLICA_COUNT_MAX}`;
    await converge([b], { file: last, moved: last });
    b.write("file", "one more edit");
    b.move("moved", "elsewhere");
    b.write("other", "text");
    await until(() => b.device!.skipped().length === 2, () => b.events);
    assertEquals(b.device!.skipped().map(({ name }) => name).sort(), ["file", "moved"]);
    assertMatch(b.device!.skipped()[0]!.reason, /^more than 32 indexes took part in its changes/);
    await until(() => b.events.at(-1)?.kind === "synced", () => b.events);
    const stored = (path: string) => server.disk.textOf("alice", path);
    assertEquals([stored("file"), stored("other"), stored("elsewhere")], [last, "text", last]);
    // As the reason says: without any index, what is there is found anew.
    await b.stop();
    await server.stop();
    server.disk.indexes.clear();
    await using again = new TestServer(server.disk);
    for (const machine of [a, b]) {
      machine.index = new MemoryDeviceIndex(`${machine.number}`.repeat(16));
      machine.start({ network: again.network });
    }
    await until(() => Object.values(a.tree()).includes("one more edit"), () => a.tree());
    await converge([a, b], a.tree());
    assertEquals(b.device!.skipped(), []);
  }));
