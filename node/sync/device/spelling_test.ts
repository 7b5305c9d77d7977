/** Tests of devices where a disk takes names that differ in case only for one: that of one of them, or the server's. */

import { assertEquals } from "@std/assert";
import { MemoryFiles } from "../../../tests/sync_simulation/memory_files.ts";
import { ServerDisk } from "../server/testing.ts";
import { converge, type TestMachine, until, withTwo } from "./testing.ts";

/** Runs a test with a machine that tells names apart, and one that does not. */
function withLoose(test: (a: TestMachine, loose: TestMachine) => Promise<void>): Promise<void> {
  return withTwo(async (a, loose) => {
    loose.files = new MemoryFiles({ isLoose: true });
    loose.files.makeFolder(loose.root);
    a.start();
    loose.start();
    await test(a, loose);
  });
}

const isQuiet = ({ device }: TestMachine) => device!.status.pendingUp === 0;

function isInTrouble({ events }: TestMachine, path: string): boolean {
  return events.some((event) => event.kind === "trouble" && event.path === path);
}

Deno.test("of two names that differ in case only a disk that takes them for one gets one, and says so", () =>
  withLoose(async (a, loose) => {
    a.write("Plan.txt", "upper");
    await converge([a, loose], { "Plan.txt": "upper" });
    a.write("plan.txt", "lower");
    await until(() => isInTrouble(loose, "plan.txt"));
    loose.write("other.txt", "more");
    await until(() => a.read("other.txt") === "more" && isQuiet(a) && isQuiet(loose));
    assertEquals(loose.tree(), { "Plan.txt": "upper", "other.txt": "more" });
    assertEquals(a.tree(), { "Plan.txt": "upper", "plan.txt": "lower", "other.txt": "more" });
    const reasons = loose.device!.conflicts().filter(({ path }) => path === "plan.txt");
    assertEquals(reasons.length, 1);
    a.move("plan.txt", "renamed.txt");
    const tree = { "Plan.txt": "upper", "renamed.txt": "lower", "other.txt": "more" };
    await converge([a, loose], tree);
  }));

Deno.test("files of two folders whose names differ in case only are not mixed", () =>
  withLoose(async (a, loose) => {
    a.write("Docs/one.txt", "1");
    await converge([a, loose], { Docs: "folder/", "Docs/one.txt": "1" });
    a.write("docs/two.txt", "2");
    await until(() => isInTrouble(loose, "docs/two.txt"));
    assertEquals(loose.tree(), { Docs: "folder/", "Docs/one.txt": "1" });
    assertEquals(a.tree(), {
      Docs: "folder/",
      "Docs/one.txt": "1",
      docs: "folder/",
      "docs/two.txt": "2",
    });
  }));

Deno.test("a name that is written otherwise is so on a disk that takes both for one", () =>
  withLoose(async (a, loose) => {
    a.write("plan.txt", "text");
    a.write("docs/one.txt", "1");
    await converge([a, loose], { "plan.txt": "text", docs: "folder/", "docs/one.txt": "1" });
    a.move("plan.txt", "Plan.txt");
    a.move("docs", "Docs");
    await converge([a, loose], { "Plan.txt": "text", Docs: "folder/", "Docs/one.txt": "1" });
  }));

Deno.test("a name that is written otherwise passes through a server whose disk takes both for one", () =>
  withTwo(async (a, b) => {
    for (const one of [a, b]) one.start();
    a.write("plan.txt", "text");
    a.write("docs/one.txt", "1");
    await converge([a, b], { "plan.txt": "text", docs: "folder/", "docs/one.txt": "1" });
    a.move("plan.txt", "Plan.txt");
    a.move("docs", "Docs");
    await converge([a, b], { "Plan.txt": "text", Docs: "folder/", "Docs/one.txt": "1" });
  }, new ServerDisk({ isLoose: true })));

Deno.test("what a server's disk takes for another name stays where it is, until one is renamed", () =>
  withTwo(async (a, b, server) => {
    for (const one of [a, b]) one.start();
    a.write("Plan.txt", "upper");
    await converge([a, b], { "Plan.txt": "upper" });
    a.write("plan.txt", "lower");
    await until(() =>
      a.events.some((event) => event.kind === "skipped" && event.path === "plan.txt")
    );
    assertEquals(b.tree(), { "Plan.txt": "upper" });
    assertEquals(server.disk.textOf("alice", "Plan.txt"), "upper");
    a.move("plan.txt", "renamed.txt");
    await converge([a, b], { "Plan.txt": "upper", "renamed.txt": "lower" });
  }, new ServerDisk({ isLoose: true })));
