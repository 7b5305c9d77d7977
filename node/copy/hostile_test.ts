import { assertEquals } from "@std/assert";
import { TREE_ENTRY_COUNT_MAX } from "../../protocol/tree_messages.ts";
import { linkProblem } from "./tree_entry.ts";
import { OPEN_ENTRIES_MAX } from "./tree_listing.ts";
import { bytesOf, CopyMachine, ROOT, ScriptedSource } from "./testing.ts";

const REFUSED = [
  ["a path that leads up", (source: ScriptedSource) => source.file("../x", "x")],
  ["a path that leads up in the middle", (source) => source.folder("a").file("a/../../x", "x")],
  ["an absolute path", (source) => source.file("/tmp/x", "x")],
  ["a path with a backslash", (source) => source.file("..\\x", "x")],
  ["a path with a control character", (source) => source.file("x\u0000", "x")],
  ["a path in p2pnode's own folder", (source) => source.folder(".p2pnode")],
  ["a path in such a folder below", (source) => source.folder("a").file("a/.p2pnode/known", "x")],
  ["a file in a folder that was not listed", (source) => source.file("a/x", "x")],
  ["a file below a file", (source) => source.file("a", "a").file("a/x", "x")],
  ["a file through a link", (source) => source.link("a", "b").file("a/x", "x")],
  ["a folder that becomes a link", (source) => source.folder("a").link("a", "b").file("a/x", "x")],
] as const satisfies [string, (source: ScriptedSource) => ScriptedSource][];

for (const [what, list] of REFUSED) {
  Deno.test(`run() ends the connection at ${what}`, async () => {
    const machine = new CopyMachine();
    machine.files.makeFolder("/home/outside");
    const { error } = await machine.copy(list(new ScriptedSource({ pageSize: 1 })));
    assertEquals(error?.message.startsWith("Cannot "), true, error?.message);
    const outside = machine.files.paths().filter((path) => !path.startsWith(ROOT));
    assertEquals(outside, ["/home", "/home/outside"]);
    assertEquals(machine.read("a/x"), undefined);
    assertEquals(machine.paths.every((path) => path === "a"), true);
  });
}

Deno.test("run() ends the connection at what was not asked for", async () => {
  const machine = new CopyMachine();
  const copy = async (path: string, source: ScriptedSource) =>
    (await machine.copy(source, { path })).error?.message;
  assertEquals(await copy("a/b", new ScriptedSource().folder("a/b").file("a/b/x", "x")), undefined);
  assertEquals(await copy("a/b", new ScriptedSource().file("a/b", "x")), undefined);
  const wrong = "it was not asked for";
  assertEquals((await copy("a/b", new ScriptedSource().file("a/x", "x")))?.endsWith(wrong), true);
  assertEquals((await copy("a/b", new ScriptedSource().file("a/bc", "x")))?.endsWith(wrong), true);
  const below = new ScriptedSource().file("a/b", "x").file("a/b/x", "x");
  assertEquals((await copy("a/b", below))?.endsWith("it is in no folder"), true);
});

Deno.test("run() ends the connection at far more entries than were counted", async () => {
  const totals = { fileCount: 1, byteCount: 1, otherCount: 0 };
  const source = new ScriptedSource({ isEndless: true, pageSize: 100, totals });
  for (let i = 0; i < 100; i++) source.skipped(`${i}`, "no reason");
  const { error, events } = await new CopyMachine().copy(source);
  assertEquals(error?.message, "Cannot copy the tree: far more is listed than was counted");
  assertEquals(events.length < 11_000, true);
});

Deno.test("run() ends the connection at a page with nothing on it that is not the last", async () => {
  const { error } = await new CopyMachine().copy(new ScriptedSource({ isEndless: true }));
  assertEquals(error?.message, "Cannot take an empty page for a part of the tree");
});

Deno.test("run() asks for no more pages while too much is not settled", async () => {
  const machine = new CopyMachine();
  const source = new ScriptedSource({ pageSize: 256 });
  source.file("first", "1");
  // Far more folders than are put together at once.
  for (let i = 0; i < 24_000; i++) source.folder(`f${i}`);
  // Nothing is made while the file waits for its name.
  const sleep = () => new Promise<void>((resolve) => setTimeout(resolve, 300));
  const { error } = await machine.copy(source, { clock: { now: () => 0, sleep } });
  assertEquals([error, machine.paths.length], [undefined, 24_001]);
  // As many as fit, but for less than a page.
  assertEquals(source.unsettledMax <= OPEN_ENTRIES_MAX, true);
  assertEquals(source.unsettledMax > OPEN_ENTRIES_MAX - TREE_ENTRY_COUNT_MAX, true);
});

Deno.test("run() takes no content that is not the one that was listed", async () => {
  for (const size of [5, 300 * 1024]) {
    const machine = new CopyMachine();
    const source = new ScriptedSource().file("x", new Uint8Array(size));
    source.entries[0] = { ...source.entries[0]!, id: bytesOf("0123456789abcdef0123456789abcdef") };
    const { events, error } = await machine.copy(source);
    assertEquals(error, undefined);
    assertEquals(events.map(({ kind }) => kind), ["opened", "failed"]);
    assertEquals([machine.paths, source.failed], [[], [0]]);
  }
});

Deno.test("run() makes no link that leads out, and no file through one that is here", async () => {
  const machine = new CopyMachine();
  machine.files.makeFolder("/home/outside");
  machine.files.makeOther(`${ROOT}/a`, "../outside");
  const source = new ScriptedSource().link("up", "../x").link("absolute", "/etc").folder("a")
    .file("a/x", "x").folder("b").link("b/c", "..").link("d", "b/c/../../x");
  const { events, error } = await machine.copy(source);
  assertEquals(error, undefined);
  const told = events.flatMap((event) => "path" in event ? [`${event.kind} ${event.path}`] : []);
  assertEquals(told.sort(), [
    "failed a",
    "failed a/x",
    "skipped absolute",
    "skipped d",
    "skipped up",
  ]);
  assertEquals(machine.files.paths("/home/outside"), []);
});

Deno.test("linkProblem() lets links go up over folders and then down", () => {
  const isFine = (path: string, target: string) => linkProblem(path, target) === undefined;
  for (
    const [path, target] of [
      ["a", "b"],
      ["a", "b/c"],
      ["d/a", "../b"],
      ["d/a", ".."],
      ["a", "."],
      ["a", "./b"],
      ["a", "b/./c"],
      ["d/a", "./../b"],
      ["d/a", "../."],
      ["d/a", "../"],
      ["a", "./"],
    ] as const
  ) {
    assertEquals(isFine(path, target), true, `${path} -> ${target}`);
  }
  const bad = [
    "..",
    "../b",
    "/",
    "/b",
    "",
    "b/../c",
    "b/..",
    "b//c",
    "./..",
    "./../b",
    "./b/../c",
    ".//b",
    "b/",
    "b\n",
    ".p2pnode/known",
  ];
  for (const target of bad) assertEquals(isFine("a", target), false, target);
  assertEquals(isFine("d/a", "../../b"), false);
});
