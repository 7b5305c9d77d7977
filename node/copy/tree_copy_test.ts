import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { exclusionBy } from "./selection.ts";
import type { ContentFetcher } from "../transfer/contents.ts";
import { bytesOf, CopyMachine, ROOT, ScriptedSource } from "./testing.ts";
import type { CopyEvent } from "./tree_copy.ts";
import { seededRandom } from "../../protocol/testing.ts";

function failuresOf(events: readonly CopyEvent[]): string[] {
  return events.flatMap((event) =>
    event.kind === "failed" ? [`${event.path}: ${event.reason}`] : []
  );
}

function someTree(): ScriptedSource {
  return new ScriptedSource().folder("a").folder("a/empty").file("a/one", "1").file("a/two", "22")
    .file("a/run", "#!", { executable: true }).link("a/to-one", "one").file("top", "")
    .folder("b").link("b/up", "../a/one");
}

/** Bytes that a seed decides. */
function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: size }, () => random() * 256);
}

Deno.test("run() copies files, modes, links and empty folders, and settles all", async () => {
  const machine = new CopyMachine();
  const source = someTree();
  const { error, copy } = await machine.copy(source);
  assertEquals(error, undefined);
  assertEquals(machine.paths, [
    "a",
    "a/empty",
    "a/one",
    "a/run",
    "a/to-one",
    "a/two",
    "b",
    "b/up",
    "top",
  ]);
  assertEquals(machine.read("a/two"), "22");
  assertEquals(machine.read("b/up"), "../a/one");
  assertEquals(machine.files.nodeAt(`${ROOT}/a/run`)?.mode, 0o755);
  assertEquals(source.done.toSorted((a, b) => a - b), [...source.entries.keys()]);
  assertEquals([copy.tally.fetchedCount, copy.tally.madeCount, copy.tally.failedCount], [4, 5, 0]);
});

Deno.test("run() fetches nothing again, and reads nothing that is known", async () => {
  const machine = new CopyMachine();
  await machine.copy(someTree());
  const again = someTree();
  const { events, copy } = await machine.copy(again);
  assertEquals(events.map(({ kind }) => kind), ["opened"]);
  assertEquals([again.askedCount, copy.tally.sameCount], [0, 4]);
  machine.known.all.clear();
  const hashed = someTree();
  await machine.copy(hashed);
  assertEquals([hashed.askedCount, machine.known.all.size], [0, 4]);
});

Deno.test("run() replaces what is different, sets modes, and touches nothing else", async () => {
  const machine = new CopyMachine();
  await machine.copy(someTree());
  machine.write("a/two", "XX");
  machine.write("a/run", "changed");
  machine.files.setExecutable(`${ROOT}/a/one`, true);
  machine.files.remove(`${ROOT}/a/to-one`);
  machine.write("a/to-one", "a file now");
  machine.write("a/mine", "stays");
  const { events, error } = await machine.copy(someTree());
  assertEquals(error, undefined);
  assertEquals(
    events.flatMap((event) => "entry" in event ? [`${event.kind} ${event.entry.path}`] : []).sort(),
    ["fetched a/run", "fetched a/two", "made a/one", "made a/to-one"],
  );
  assertEquals([machine.read("a/two"), machine.read("a/to-one")], ["22", "one"]);
  assertEquals(machine.files.nodeAt(`${ROOT}/a/one`)?.mode, 0o644);
  assertEquals(machine.read("a/mine"), "stays");
});

Deno.test("run() replaces a link by a file, and never writes through it", async () => {
  const machine = new CopyMachine();
  machine.files.makeFolder("/outside");
  machine.files.makeOther(`${ROOT}/link`, "/outside");
  machine.files.makeOther(`${ROOT}/file`, "/outside/file");
  const source = new ScriptedSource().folder("link").file("link/x", "x").file("file", "f");
  const { events } = await machine.copy(source);
  assertEquals(failuresOf(events).length, 2);
  assertEquals(machine.files.paths("/outside"), []);
  assertEquals(machine.read("file"), "f");
  assertEquals(machine.files.nodeAt(`${ROOT}/file`)?.kind, "file");
  const { error } = await machine.copy(source, { deletion: "guarded" });
  assertEquals([error, machine.read("link/x")], [undefined, "x"]);
  assertEquals(machine.files.paths("/outside"), []);
});

Deno.test("run() leaves a folder with something in it alone, unless it deletes", async () => {
  const machine = new CopyMachine();
  machine.write("x/kept", "kept");
  machine.files.makeFolder(`${ROOT}/y`);
  const source = new ScriptedSource().file("x", "x").file("y", "y");
  const { events } = await machine.copy(source);
  assertEquals(failuresOf(events).map((line) => line.slice(0, 11)), ["x: a folder"]);
  assertEquals([machine.read("x/kept"), machine.read("y")], ["kept", "y"]);
  const again = await machine.copy(source, { deletion: "guarded" });
  assertEquals([failuresOf(again.events), machine.read("x")], [[], "x"]);
});

Deno.test("run() makes a folder in the place of a file only where it deletes", async () => {
  const machine = new CopyMachine();
  machine.write("x", "file");
  const source = new ScriptedSource().folder("x").file("x/in", "in");
  const { events } = await machine.copy(source);
  assertEquals(failuresOf(events).length, 2);
  assertEquals(machine.read("x"), "file");
  await machine.copy(source, { deletion: "guarded" });
  assertEquals(machine.read("x/in"), "in");
});

Deno.test("run() deletes what the source does not have, but for what is excluded or unknown", async () => {
  const machine = new CopyMachine();
  for (const path of ["old", "gone/deep/file", "keep.tmp", "secret/in"]) machine.write(path, path);
  machine.files.makeOther(`${ROOT}/oldlink`, "old");
  const source = new ScriptedSource().file("new", "new").skipped("secret", "permission denied");
  const isExcluded = exclusionBy({ exclude: ["*.tmp"], include: [] });
  const trial = await machine.copy(source, { deletion: "guarded", isExcluded, isTrial: true });
  assertEquals(trial.copy.tally.deletedCount, 3);
  assertEquals(machine.read("old"), "old");
  const { events } = await machine.copy(source, { deletion: "guarded", isExcluded });
  const deleted = events.flatMap((event) => event.kind === "deleted" ? [event.path] : []);
  assertEquals(deleted.sort(), ["gone/deep/file", "old", "oldlink"]);
  assertEquals(machine.paths, ["keep.tmp", "new", "secret", "secret/in"]);
});

Deno.test("run() stops before it deletes more than half of the files", async () => {
  const machine = new CopyMachine();
  for (let i = 0; i < 21; i++) machine.write(`f${i}`, "");
  const source = new ScriptedSource().file("f0", "changed");
  const { error } = await machine.copy(source, { deletion: "guarded" });
  assertEquals(error?.name, "MassDeletion");
  assertEquals([machine.paths.length, machine.read("f0")], [21, "changed"]);
  const accepted = await machine.copy(source, { deletion: "accepted" });
  assertEquals([accepted.error, machine.paths], [undefined, ["f0"]]);
});

Deno.test("run() changes nothing in a trial, and tells what it would do", async () => {
  const machine = new CopyMachine();
  machine.write("a/two", "XX");
  const source = someTree();
  const { events } = await machine.copy(source, { isTrial: true });
  assertEquals(machine.paths, ["a", "a/two"]);
  assertEquals(source.askedCount, 0);
  assertEquals(source.done.length, source.entries.length);
  assertEquals(events.filter(({ kind }) => kind === "fetched").length, 4);
});

Deno.test("run() copies what is excluded only where it is included", async () => {
  const machine = new CopyMachine();
  const isExcluded = exclusionBy({ exclude: ["a/", "top"], include: ["two"] });
  const { copy } = await machine.copy(someTree(), { isExcluded });
  assertEquals(machine.paths, ["a", "a/two", "b", "b/up"]);
  assertEquals(copy.tally.excludedCount, 3);
});

Deno.test("run() fetches a large file that is here under another name from here", async () => {
  const machine = new CopyMachine();
  const bytes = noise(300 * 1024, 1);
  await machine.copy(new ScriptedSource().file("old", bytes));
  const source = new ScriptedSource().file("new", bytes);
  const { error } = await machine.copy(source);
  assertEquals([error, source.askedCount], [undefined, 0]);
  assertEquals(machine.files.bytesOf(`${ROOT}/new`)?.length, bytes.length);
});

Deno.test("run() looks again where somebody changed a file meanwhile", async () => {
  const machine = new CopyMachine();
  machine.write("x", "before");
  const source = new ScriptedSource({ pageSize: 1 }).file("x", "after");
  // It waits once, between the look at the file and its replacement.
  const sleep = () => Promise.resolve(machine.write("x", "edited"));
  const { error } = await machine.copy(source, { clock: { now: () => 0, sleep } });
  assertEquals([error, machine.read("x")], [undefined, "after"]);
});

Deno.test("run() tells why the source does not offer a tree", async () => {
  const { error } = await new CopyMachine().copy(new ScriptedSource({ refusal: "no such folder" }));
  assertEquals([error?.name, error?.message], ["RemoteError", "no such folder"]);
});

Deno.test("run() gives up when the disk is full, with what it is that failed", async () => {
  const machine = new CopyMachine();
  machine.files.calls.link = () => {
    throw Object.assign(new Error("full"), { code: "ENOSPC" });
  };
  const { error } = await machine.copy(new ScriptedSource().file("x", bytesOf("x")));
  assertEquals(error?.message.startsWith("Cannot write x"), true);
});

type Kind = "folder" | "file" | "executable" | "large" | "link";

const LARGE = noise(270_000, 1);
const kinds: Kind[] = ["folder", "file", "file", "file", "executable", "large", "link"];
const anyEntry = fc.record({ kind: fc.constantFrom(...kinds), folder: fc.nat() });

/** Any tree, in any order in which folders come before what is in them: what is at which path. */
const anyTree = fc.array(anyEntry, { maxLength: 60 }).map((entries) => {
  const folders = [""];
  return entries.map(({ kind, folder }, i): [path: string, kind: Kind] => {
    const path = `${folders[folder % folders.length]}${i}`;
    if (kind === "folder") folders.push(`${path}/`);
    return [path, kind];
  });
});

function sourceOf(tree: readonly (readonly [path: string, kind: Kind])[]): ScriptedSource {
  const source = new ScriptedSource({ pageSize: 7 });
  for (const [i, [path, kind]] of tree.entries()) {
    if (kind === "folder") source.folder(path);
    else if (kind === "link") source.link(path, "nowhere");
    else if (kind === "large") source.file(path, LARGE.subarray(i));
    else source.file(path, path, { executable: kind === "executable" });
  }
  return source;
}

Deno.test("run() makes the tree that is listed, in whatever order, and knows all of it afterwards", async () => {
  const textOf: Record<Kind, (path: string, i: number) => string> = {
    folder: () => "(folder)",
    file: (path) => path,
    executable: (path) => path,
    large: (_, i) => new TextDecoder().decode(LARGE.subarray(i)),
    link: () => "nowhere",
  };
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const property = fc.asyncProperty(anyTree, async (tree) => {
    const [machine, source, again] = [new CopyMachine(), sourceOf(tree), sourceOf(tree)];
    const { error, events } = await machine.copy(source, { clock });
    assertEquals([error, failuresOf(events)], [undefined, []]);
    assertEquals(machine.paths, tree.map(([path]) => path).sort());
    for (const [i, [path, kind]] of tree.entries()) {
      assertEquals(machine.read(path) === textOf[kind](path, i), true, path);
      const isExecutable = (machine.files.nodeAt(`${ROOT}/${path}`)!.mode & 0o100) !== 0;
      assertEquals(isExecutable, kind === "executable" || kind === "folder", path);
    }
    assertEquals(source.done.toSorted((a, b) => a - b), [...source.entries.keys()]);
    assertEquals(machine.files.paths(`${ROOT}/.p2pnode/stage`), []);
    const second = await machine.copy(again, { clock });
    assertEquals([second.events.map(({ kind }) => kind), again.askedCount], [["opened"], 0]);
  });
  await fc.assert(property, { numRuns: 40 });
});

Deno.test("run() puts files into a folder that somebody else makes meanwhile", async () => {
  const machine = new CopyMachine();
  const source = new ScriptedSource().folder("a").file("a/one", "1").file("a/run", "#!", {
    executable: true,
  }).folder("a/b").file("a/b/two", "22");
  // It waits before the folder gets its name.
  const sleep = () => Promise.resolve(machine.write("a/mine", "stays"));
  const { error, events } = await machine.copy(source, { clock: { now: () => 0, sleep } });
  assertEquals([error, failuresOf(events)], [undefined, []]);
  assertEquals(machine.paths, ["a", "a/b", "a/b/two", "a/mine", "a/one", "a/run"]);
  assertEquals([machine.read("a/one"), machine.read("a/mine")], ["1", "stays"]);
  assertEquals(machine.files.nodeAt(`${ROOT}/a/run`)?.mode, 0o755);
  assertEquals(machine.files.paths(`${ROOT}/.p2pnode/stage`), []);
});

Deno.test("run() keeps what has come for a folder that has not got all that it waits for", async () => {
  const machine = new CopyMachine();
  const source = new ScriptedSource().folder("a").file("a/one", "1").file("a/two", "22");
  const contents: ContentFetcher = {
    async *fetch([want]) {
      const staged = want!.stageAs!;
      machine.files.write(staged, bytesOf("1"));
      yield await Promise.resolve({ want: want!, staged });
      throw new Error("cut off");
    },
  };
  const { error } = await machine.copy(source, { contents });
  assertEquals([error?.message, machine.paths], ["cut off", ["a", "a/one"]]);
  assertEquals(machine.files.paths(`${ROOT}/.p2pnode/stage`), []);
});
