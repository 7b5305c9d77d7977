import { assertEquals, assertRejects } from "@std/assert";
import type { Address, Duplex } from "../../../protocol/ports.ts";
import { MemoryDeviceIndex } from "../../../tests/sync_simulation/memory_device_index.ts";
import { systemClock } from "../../platform/clock.ts";
import { MemoryFolder } from "../../../tests/sync_simulation/memory_folder.ts";
import { MemoryStage } from "../../../tests/sync_simulation/memory_stage.ts";
import type { SyncTransfer } from "../client.ts";
import type { IndexChanges } from "./device_index.ts";
import type { Row } from "./row.ts";
import { converge, share, stored, until, withTwo } from "./testing.ts";

Deno.test("SyncDevice brings what is here to the server, and from there to the other device", () =>
  withTwo(async (a, b, server) => {
    a.makeFolder("folder");
    a.makeFolder("empty");
    a.write("folder/file", "text");
    a.start();
    b.start();
    await converge([a, b], { folder: "folder/", empty: "folder/", "folder/file": "text" });
    assertEquals(server.disk.textOf("alice", "folder/file"), "text");
  }));

Deno.test("SyncDevice passes edits, moves and deletions on", () =>
  withTwo(async (a, b) => {
    a.makeFolder("f");
    for (let i = 0; i < 30; i++) a.write(`f/${i}`, `text ${i}`);
    a.start();
    b.start();
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f/${i}`, `text ${i}`]));
    await converge([a, b], { f: "folder/", ...files });
    b.write("f/1", "edited");
    b.remove("f/2");
    delete files["f/2"];
    await converge([a, b], { f: "folder/", ...files, "f/1": "edited" });
    a.move("f", "g");
    const moved = Object.entries({ ...files, "f/1": "edited" })
      .map(([path, text]) => [path.replace("f", "g"), text]);
    await converge([a, b], { g: "folder/", ...Object.fromEntries(moved) });
  }));

Deno.test("SyncDevice takes a name in capitals for another one", () =>
  withTwo(async (a, b, server) => {
    a.write("a.txt", "text");
    a.makeFolder("folder");
    a.write("folder/file", "inside");
    a.start();
    b.start();
    const inside = { folder: "folder/", "folder/file": "inside" };
    await converge([a, b], { "a.txt": "text", ...inside });
    a.move("a.txt", "A.txt");
    await converge([a, b], { "A.txt": "text", ...inside });
    b.move("folder", "Folder");
    b.move("A.txt", "a.txt");
    const moved = { "a.txt": "text", Folder: "folder/", "Folder/file": "inside" };
    await converge([a, b], moved);
    assertEquals(server.disk.textOf("alice", "a.txt"), "text");
    assertEquals(server.disk.textOf("alice", "A.txt"), undefined);
    assertEquals([...a.device!.conflicts(), ...b.device!.conflicts()], []);
  }));

Deno.test("SyncDevice holds many deletions back until somebody has answered", () =>
  withTwo(async (a, b) => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i}`, `text ${i}`]));
    await share([a, b], files);
    for (let i = 0; i < 20; i++) a.remove(`${i}`);
    await until(() => a.device!.status.held !== undefined);
    assertEquals(a.device!.status.held?.count, 20);
    const eventsSince = (kind: string) =>
      a.events.slice(a.events.findLastIndex((event) => event.kind === kind));
    a.write("new", "another one");
    await until(() => eventsSince("held").some(({ kind }) => kind === "sent"));
    await until(() => a.device!.status.pendingUp === 0);
    // Both sides are not the same as long as nobody has said what they should be.
    assertEquals(eventsSince("held").filter(({ kind }) => kind === "synced"), []);
    a.remove("new");
    a.device!.answerDeletions(false);
    await converge([a, b], files);
    await until(() => eventsSince("held").some(({ kind }) => kind === "synced"));
    for (let i = 0; i < 20; i++) a.remove(`${i}`);
    await until(() => a.device!.status.held !== undefined);
    a.device!.answerDeletions(true);
    const left = Object.fromEntries(Object.entries(files).slice(20));
    await converge([a, b], left);
  }));

Deno.test("SyncDevice ends where many files are gone and nobody can be asked", () =>
  withTwo(async (a) => {
    for (let i = 0; i < 30; i++) a.write(`${i}`, `text ${i}`);
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    await a.stop();
    for (let i = 0; i < 20; i++) a.remove(`${i}`);
    a.start({ canAsk: false });
    await assertRejects(() => a.ended, Error, "20 of its 30 files are gone");
  }));

Deno.test("SyncDevice with a lost index deletes nothing, makes no copies and tells of no arrivals", () =>
  withTwo(async (a, b) => {
    await share([a, b], { one: "1", two: "2" });
    await b.stop();
    b.remove("one");
    b.index = new MemoryDeviceIndex("f".repeat(16));
    const before = b.events.length;
    b.start();
    await converge([a, b], { one: "1", two: "2" });
    await until(() => b.events.slice(before).some(({ kind }) => kind === "synced"));
    const received = b.events.slice(before).filter((event) => event.kind === "received");
    assertEquals(received.map(({ entry }) => entry.path), ["one"]);
  }));

Deno.test("what a killed device had brought here is no edit, whatever the server has by then", () =>
  withTwo(async (a, b) => {
    a.write("x", "1");
    a.start();
    const index = new ForgetfulIndex("d".repeat(16));
    b.index = index;
    b.start();
    await converge([a, b], { x: "1" });
    index.forgottenSize = 2;
    a.write("x", "22");
    await until(() => b.read("x") === "22");
    // It may have ended by itself already, as it cannot note that.
    await b.stop().catch(() => {});
    a.write("x", "333");
    await until(() => a.index.row("x")?.remote?.size === 3);
    // That the server has something newer is heard while what it had before is brought here.
    index.forgottenSize = undefined;
    index.save({ rows: [{ ...index.row("x")!, remote: a.index.row("x")!.remote }] });
    b.start();
    await converge([a, b], { x: "333" });
  }));

/** An index that cannot note files of a certain size, as if the process was killed before it could. */
class ForgetfulIndex extends MemoryDeviceIndex {
  forgottenSize: number | undefined;

  override save(changes: IndexChanges): void {
    const isForgotten = ({ local }: Row) =>
      local?.kind === "file" && local.size === this.forgottenSize;
    if (changes.rows?.some(isForgotten)) throw new Error("Cannot use the index: killed");
    super.save(changes);
  }
}

Deno.test("SyncDevice leaves alone what .p2pignore names", () =>
  withTwo(async (a, b) => {
    a.write(".p2pignore", "*.log\n");
    a.write("x.log", "a");
    a.write("x.txt", "t");
    b.write("x.log", "b");
    a.start();
    await stored(a);
    await a.stop();
    b.write(".p2pignore", "*.log\n");
    a.start();
    b.start();
    await converge([b], { ".p2pignore": "*.log\n", "x.log": "b", "x.txt": "t" });
    assertEquals(a.read("x.log"), "a");
  }));

Deno.test("SyncDevice says when the server has stored what is here", () =>
  withTwo(async (a, _b, server) => {
    a.start();
    a.write("file", "text");
    a.device!.changed(["file"]);
    await a.device!.stored(new AbortController().signal);
    assertEquals(server.disk.textOf("alice", "file"), "text");
  }));

Deno.test("SyncDevice says so of a large file only when that is stored, from the start on", () =>
  withTwo(async (a, _b, server) => {
    const large = "x".repeat(4 * 1024 * 1024);
    a.write("large", large);
    a.start();
    await a.device!.stored(AbortSignal.timeout(5_000));
    assertEquals(server.disk.textOf("alice", "large")?.length, large.length);
  }));

Deno.test("SyncDevice tells how much of a large file has gone to the server", () =>
  withTwo(async (a, _b, server) => {
    const size = 4 * 1024 * 1024;
    const seen: SyncTransfer[] = [];
    const connect = async (address: Address): Promise<Duplex> => {
      const stream = await server.network.connect(address);
      return {
        remote: stream.remote,
        read: (into) => stream.read(into),
        write: (from) => {
          seen.push(...a.device!.transfers);
          return stream.write(from);
        },
        close: () => stream.close(),
      };
    };
    a.write("large", "x".repeat(size));
    a.start({ network: { connect, listen: (address) => server.network.listen(address) } });
    await until(() => a.events.some(({ kind }) => kind === "sent"), () => a.events);
    const steps = seen.map(({ bytesDone }) => bytesDone);
    assertEquals(steps, steps.toSorted((one, other) => one - other));
    assertEquals(steps[0], 0);
    assertEquals(steps.some((done) => done > size / 4 && done < size), true, steps.join());
    assertEquals([...a.device!.transfers], []);
  }));

Deno.test("SyncDevice looks again into a new folder, whichever look found it", () =>
  withTwo(async (a) => {
    // What comes into the folder gives no hint: it is not watched yet.
    const distort = (path: string) => path === "new" ? "" : undefined;
    const folder = new MemoryFolder(a.files, a.root, { distort });
    a.start({ folder });
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    a.makeFolder("new");
    await until(() => a.index.row("new")?.remote !== undefined, () => a.events);
    a.makeFolder("new/below");
    await until(() => a.index.row("new/below")?.remote !== undefined, () => a.events);
    a.write("new/below/file", "text");
    await until(() => a.index.row("new/below/file")?.remote !== undefined, () => a.events);
  }));

Deno.test("SyncDevice ends where its folder is another one all of a sudden", () =>
  withTwo(async (a) => {
    a.start({ folder: new MemoryFolder(a.files, a.root, { distort: () => undefined }) });
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    a.files.move(a.root, "/elsewhere");
    a.files.makeFolder(a.root);
    await assertRejects(() => a.ended, Error, "it was emptied or replaced");
  }));

Deno.test("SyncDevice deletes nothing before it has looked where hints were lost", () =>
  withTwo(async (a) => {
    // A look takes so long that there is a rest after one at everything.
    const folder = new MemoryFolder(a.files, a.root, {
      distort: (path) => path === "from" ? path : "",
      pause: () => systemClock.sleep(20),
    });
    a.write("from", "text");
    a.start({ folder });
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    a.events.length = 0;
    a.move("from", "to");
    const sent = () => a.events.filter(({ kind }) => kind === "sent");
    await until(() => sent().length === 2, () => a.events);
    const paths = sent().map((event) => event.kind === "sent" ? event.entry.path : "");
    assertEquals(paths, ["to", "from"]);
  }));

Deno.test("SyncDevice waits for no file that is gone before it held still", () =>
  withTwo(async (a) => {
    a.start();
    await until(() => a.events.some(({ kind }) => kind === "synced"));
    const large = "x".repeat(2 * 1024 * 1024);
    a.write("large", large);
    await systemClock.sleep(30);
    a.remove("large");
    await a.device!.stored(AbortSignal.timeout(5_000));
    assertEquals(a.index.row("large")?.local?.kind ?? "absent", "absent");
  }));

Deno.test("SyncDevice sends a file that never holds still all the same, and then what it became", () =>
  withTwo(async (a, b, server) => {
    const pause = () => systemClock.sleep(5);
    const stage = new MemoryStage(a.files, `${a.root}/.p2pnode/stage`, { pause });
    const timings = { settleMs: 1, deletionSettleMs: 10, settleMaxMs: 60 };
    a.write("gone", "while the log grows");
    a.start({ stage, timings });
    b.start();
    await converge([a, b], { gone: "while the log grows" });
    let log = "";
    const growing = setInterval(() => a.write("log", log += "one more line\n"), 1);
    try {
      await until(() => (b.read("log") ?? "") !== "", () => a.events);
      a.remove("gone");
      await until(() => b.read("gone") === undefined, () => a.events);
      const first = b.read("log")!;
      await until(() => b.read("log")!.length > first.length, () => a.events);
    } finally {
      clearInterval(growing);
    }
    await converge([a, b], { log });
    assertEquals(server.disk.textOf("alice", "log"), log);
  }));
