import { assertEquals, assertRejects } from "@std/assert";
import { execFileSync } from "node:child_process";
import { linkStamp } from "../folder/live_folder.ts";
import type { Change, ChangeOutcome } from "../folder/live_folder.ts";
import { ChangeSteps } from "../folder/change_steps.ts";
import { ChangeWorker } from "./change_worker.ts";
import { fileCalls } from "./file_calls.ts";
import { finish } from "./finish.ts";
import { openLiveFolder } from "./live_folder.ts";
import type { LocalLiveFolder } from "./live_folder.ts";

/** A synced folder in a temporary one, in which `test` finds also a folder outside of it. */
async function withFolder(
  test: (folder: LocalLiveFolder, outside: string) => Promise<void>,
): Promise<void> {
  const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "p2pnode-sync-" }));
  try {
    using changes = new ChangeWorker();
    await using folder = await openLiveFolder(`${base}/folder`, { create: true, changes });
    await Deno.mkdir(`${base}/outside`);
    await test(folder, `${base}/outside`);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** Writes a file, and the folders above it, as if it had been there for a while. */
function write(path: string, text: string, seconds = 1_700_000_000): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, text);
  Deno.utimeSync(path, seconds, seconds);
}

function stage(folder: LocalLiveFolder, text = "new"): string {
  const path = folder.area.temporaryPath();
  write(path, text);
  return path;
}

async function stampOf(folder: LocalLiveFolder, path: string): Promise<string> {
  const { entries } = await folder.look(path);
  return entries[0]!.stamp;
}

async function changeOne(folder: LocalLiveFolder, change: Change): Promise<ChangeOutcome> {
  const [outcome] = await folder.change([change]);
  return outcome!;
}

function codeOf(outcome: ChangeOutcome): string {
  if (typeof outcome === "string") return outcome;
  return "code" in outcome ? outcome.code : "done";
}

Deno.test("look() finds files and folders, each folder before what is in it", () =>
  withFolder(async (folder) => {
    write(`${folder.root}/a/b/c`, "12");
    write(`${folder.root}/tool`, "");
    Deno.chmodSync(`${folder.root}/tool`, 0o755);
    Deno.mkdirSync(`${folder.root}/empty`);
    Deno.symlinkSync("a", `${folder.root}/link`);
    execFileSync("mkfifo", [`${folder.root}/pipe`]);
    const { entries, skipped } = await folder.look("");
    const found = entries.map(({ path, kind, size, executable }) => [path, kind, size, executable]);
    assertEquals(found.toSorted(), [
      ["a", "folder", 0, false],
      ["a/b", "folder", 0, false],
      ["a/b/c", "file", 2, false],
      ["empty", "folder", 0, false],
      ["tool", "file", 0, true],
    ]);
    const paths = entries.map(({ path }) => path);
    assertEquals(paths.indexOf("a") < paths.indexOf("a/b"), true);
    assertEquals(paths.indexOf("a/b") < paths.indexOf("a/b/c"), true);
    const targets = skipped.map(({ name, target }) => [name, target]);
    assertEquals(targets.sort(), [["link", "a"], ["pipe", undefined]]);
  }));

Deno.test("look() at a path finds what is at and below it, and nothing behind a link", () =>
  withFolder(async (folder, outside) => {
    write(`${folder.root}/a/b/c`, "12");
    write(`${folder.root}/x`, "");
    write(`${outside}/file`, "");
    Deno.symlinkSync(outside, `${folder.root}/link`);
    const pathsAt = async (path: string) =>
      (await folder.look(path)).entries.map((one) => one.path);
    assertEquals(await pathsAt("a/b"), ["a/b", "a/b/c"]);
    assertEquals(await pathsAt("a/b/c"), ["a/b/c"]);
    assertEquals(await pathsAt("a/none"), []);
    assertEquals(await pathsAt("x/none"), []);
    assertEquals(await pathsAt("link/file"), []);
    assertEquals((await folder.look("link")).skipped.length, 1);
    await assertRejects(() => Promise.resolve().then(() => folder.look("../outside")), Error);
  }));

Deno.test("change() makes a link, replaces it, and puts a file in its place", () =>
  withFolder(async (folder) => {
    const temporary = folder.area.temporaryPath();
    const link = (target: string, expect?: string) =>
      changeOne(folder, { kind: "link", path: "a/link", target, temporary, expect });
    assertEquals(codeOf(await link("../b")), "done");
    assertEquals(codeOf(await link("c", linkStamp("b"))), "changed");
    assertEquals(codeOf(await link("c", linkStamp("../b"))), "done");
    assertEquals(Deno.readLinkSync(`${folder.root}/a/link`), "c");
    const place = {
      kind: "swap",
      path: "a/link",
      staged: stage(folder),
      executable: false,
    } as const;
    assertEquals(codeOf(await changeOne(folder, { ...place, expect: linkStamp("c") })), "done");
    assertEquals(Deno.lstatSync(`${folder.root}/a/link`).isFile, true);
    assertEquals(codeOf(await link("d", await stampOf(folder, "a/link"))), "done");
    const remove = { kind: "remove", path: "a/link", expect: linkStamp("d") } as const;
    assertEquals(codeOf(await changeOne(folder, remove)), "done");
    assertEquals([...Deno.readDirSync(`${folder.root}/a`)], []);
  }));

Deno.test("a stamp tells of new bytes, of a new file and of a new mode", () =>
  withFolder(async (folder) => {
    const path = `${folder.root}/a`;
    write(path, "one");
    const stamps = [await stampOf(folder, "a")];
    assertEquals(await stampOf(folder, "a"), stamps[0]);
    Deno.chmodSync(path, 0o755);
    stamps.push(await stampOf(folder, "a"));
    write(path, "two", 1_700_000_001);
    stamps.push(await stampOf(folder, "a"));
    write(`${folder.root}/b`, "two", 1_700_000_001);
    Deno.renameSync(`${folder.root}/b`, path);
    stamps.push(await stampOf(folder, "a"));
    assertEquals(new Set(stamps).size, stamps.length);
    const file = folder.open("a");
    assertEquals(file.state().stamp, stamps.at(-1));
    file.close();
  }));

Deno.test("the stamp of a file that was just written equals no other", () =>
  withFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder.root}/a`, "one");
    assertEquals(await stampOf(folder, "a") === await stampOf(folder, "a"), false);
  }));

Deno.test("change() does one change after the other and answers the new stamps", () =>
  withFolder(async (folder) => {
    write(`${folder.root}/old`, "old");
    const expect = await stampOf(folder, "old");
    const kept = folder.area.temporaryPath();
    const outcomes = await folder.change([
      { kind: "makeFolder", path: "d" },
      { kind: "place", path: "d/a", staged: stage(folder), executable: true, expect: undefined },
      { kind: "place", path: "old", staged: stage(folder), executable: false, expect, keep: kept },
      { kind: "removeFolder", path: "d" },
    ]);
    assertEquals(outcomes.map(codeOf), ["done", "done", "done", "not-empty"]);
    assertEquals(outcomes[1], { done: true, stamp: await stampOf(folder, "d/a") });
    assertEquals(outcomes[2], { done: true, stamp: await stampOf(folder, "old") });
    assertEquals(Deno.readTextFileSync(kept), "old");
    assertEquals(Deno.readTextFileSync(`${folder.root}/old`), "new");
    const move = { kind: "move", from: "d/a", path: "e/b", executable: false } as const;
    const moved = await changeOne(folder, { ...move, expect: await stampOf(folder, "d/a") });
    assertEquals(moved, { done: true, stamp: await stampOf(folder, "e/b") });
    assertEquals((await folder.look("e/b")).entries[0]!.executable, false);
    const after = await stampOf(folder, "old");
    assertEquals(
      codeOf(await changeOne(folder, { kind: "remove", path: "old", expect })),
      "changed",
    );
    assertEquals(
      codeOf(await changeOne(folder, { kind: "remove", path: "old", expect: after })),
      "done",
    );
    const left = (await folder.look("")).entries.map(({ path }) => path).sort();
    assertEquals(left, ["d", "e", "e/b"]);
  }));

Deno.test("change() never follows a symbolic link out of the folder", () =>
  withFolder(async (folder, outside) => {
    write(`${outside}/file`, "theirs");
    Deno.symlinkSync(outside, `${folder.root}/link`);
    Deno.symlinkSync(`${outside}/file`, `${folder.root}/file`);
    const staged = stage(folder);
    const executable = true;
    const { ino, size } = Deno.lstatSync(`${outside}/file`);
    const expect = `${ino}.${size}.1700000000000.${
      Math.floor(Deno.lstatSync(`${outside}/file`).ctime!.getTime() / 1000) * 1000
    }`;
    const changes: Change[] = [
      { kind: "place", path: "link/new", staged, executable, expect: undefined },
      { kind: "place", path: "link/file", staged, executable, expect },
      { kind: "place", path: "file", staged, executable, expect },
      { kind: "remove", path: "link/file", expect },
      { kind: "remove", path: "file", expect },
      { kind: "mode", path: "link/file", executable, expect },
      { kind: "mode", path: "file", executable, expect },
      { kind: "move", from: "link/file", path: "stolen", executable, expect },
      { kind: "makeFolder", path: "link/folder" },
      { kind: "removeFolder", path: "link" },
      { kind: "place", path: "../outside/new", staged, executable, expect: undefined },
    ];
    for (const outcome of await folder.change(changes)) {
      assertEquals(codeOf(outcome) === "done", false);
    }
    assertEquals([...Deno.readDirSync(outside)].map(({ name }) => name), ["file"]);
    assertEquals(Deno.readTextFileSync(`${outside}/file`), "theirs");
    assertEquals(Deno.lstatSync(`${outside}/file`).mode! & 0o111, 0);
    assertEquals(Deno.readTextFileSync(staged), "new");
  }));

Deno.test("an edit of a real file between two steps of a change is not lost", () =>
  withFolder(async (folder) => {
    const path = `${folder.root}/a`;
    for (const inPlace of [true, false]) {
      for (let at = 1; at < 4; at++) {
        write(path, "old");
        const expect = await stampOf(folder, "a");
        const place = {
          kind: "place",
          path: "a",
          staged: stage(folder),
          executable: false,
        } as const;
        const steps = new ChangeSteps(folder.root, fileCalls).make({ ...place, expect });
        for (let step = 0; step < at; step++) steps.next();
        if (!inPlace) write(`${folder.root}/b`, "mine", 1_700_000_002);
        if (!inPlace) Deno.renameSync(`${folder.root}/b`, path);
        else write(path, "mine", 1_700_000_002);
        assertEquals(codeOf(finish(steps)), "changed", `before step ${at}`);
        assertEquals(Deno.readTextFileSync(path), "mine");
        Deno.removeSync(path);
      }
    }
  }));

Deno.test("the next start puts back what a crash left aside", () =>
  withFolder(async (_, outside) => {
    const name = "d/ü%2F";
    write(`${outside}/${name}`, "old");
    using changes = new ChangeWorker();
    {
      await using folder = await openLiveFolder(outside, { changes });
      const expect = await stampOf(folder, name);
      const remove = { kind: "remove", path: name, expect } as const;
      const steps = new ChangeSteps(folder.root, fileCalls).make(remove);
      for (let step = 0; step < 3; step++) steps.next();
      assertEquals((await folder.look("d")).entries.length, 1);
    }
    await using folder = await openLiveFolder(outside, { changes });
    assertEquals((await folder.look(name)).entries.length, 1);
    assertEquals(Deno.readTextFileSync(`${outside}/${name}`), "old");
  }));

Deno.test("a folder that was replaced is not intact, and nothing is changed in it", () =>
  withFolder(async (folder, outside) => {
    assertEquals(folder.isIntact(), true);
    Deno.renameSync(folder.root, `${outside}/moved`);
    assertEquals(folder.isIntact(), false);
    Deno.mkdirSync(`${folder.root}/.p2pnode`, { recursive: true });
    Deno.writeTextFileSync(`${folder.root}/.p2pnode/lock`, "");
    assertEquals(folder.isIntact(), false);
    assertEquals(codeOf(await changeOne(folder, { kind: "makeFolder", path: "a" })), "missing");
    assertEquals([...Deno.readDirSync(folder.root)].length, 1);
    Deno.removeSync(folder.root, { recursive: true });
    Deno.renameSync(`${outside}/moved`, folder.root);
    assertEquals(folder.isIntact(), true);
  }));

Deno.test("watch() names what may have changed, and nothing of the private area", () =>
  withFolder(async (folder) => {
    Deno.mkdirSync(`${folder.root}/a/b`, { recursive: true });
    const stop = new AbortController();
    const hinted = new Set<string>();
    const started = Promise.withResolvers<void>();
    const seen = Promise.withResolvers<void>();
    const watching = (async () => {
      const hints = folder.watch(stop.signal)[Symbol.asyncIterator]();
      // What was changed before is not known.
      assertEquals((await hints.next()).value, [""]);
      started.resolve();
      for (let next = await hints.next(); !next.done; next = await hints.next()) {
        for (const path of next.value) hinted.add(path);
        if (hinted.has("a/b/c") && hinted.has("new")) seen.resolve();
      }
    })();
    await started.promise;
    stage(folder);
    write(`${folder.root}/a/b/c`, "1");
    Deno.mkdirSync(`${folder.root}/new`);
    await seen.promise;
    stop.abort();
    await watching;
    assertEquals([...hinted].filter((path) => path.startsWith(".p2pnode")), []);
    assertEquals(hinted.has(""), false);
  }));

Deno.test("watch() hints at everything when too much happens before a hint is taken", () =>
  withFolder(async (folder) => {
    const stop = new AbortController();
    const hints = folder.watch(stop.signal)[Symbol.asyncIterator]();
    try {
      await hints.next();
      // Slowly enough for the watcher, which loses what nobody takes in time.
      for (let i = 0; i < 3_000; i++) {
        Deno.writeTextFileSync(`${folder.root}/${i}`, "");
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const { value } = await hints.next();
      assertEquals(value[0], "");
      assertEquals(value.length <= 1_001, true, `${value.length} paths`);
    } finally {
      stop.abort();
      await hints.next();
    }
  }));

Deno.test("watch() pauses during a burst of our own changes, then hints at everything, and at paths again", () =>
  withFolder(async (folder) => {
    const stop = new AbortController();
    const hints = folder.watch(stop.signal)[Symbol.asyncIterator]();
    try {
      assertEquals((await hints.next()).value, [""]);
      const folders = Array.from({ length: 600 }, (_, i): Change => (
        { kind: "makeFolder", path: `folder${i}` }
      ));
      assertEquals(folder.isWatchPaused, false);
      const changing = folder.change(folders);
      assertEquals(folder.isWatchPaused, true);
      await changing;
      assertEquals((await hints.next()).value, [""]);
      // Whoever takes hints has not had the time to look yet.
      assertEquals(folder.isWatchPaused, true);
      // What is written while nobody watches is in none but the next hint for everything.
      for (let hint = [""]; !hint.includes("folder7/file"); hint = (await hints.next()).value) {
        write(`${folder.root}/folder7/file`, "1");
      }
      assertEquals(folder.isWatchPaused, false);
    } finally {
      stop.abort();
      while (!(await hints.next()).done);
    }
  }));

Deno.test("10,000 files get their names with little work each", () =>
  withFolder(async (folder) => {
    const timesMs: number[] = [];
    // What runs beside this in the same process can only add to a time.
    while (timesMs.length < 5 && !timesMs.some((timeMs) => timeMs < 6_000)) {
      const round = timesMs.length;
      const changes = Array.from({ length: 10_000 }, (_, i): Change => {
        const staged = folder.area.temporaryPath();
        Deno.writeTextFileSync(staged, `${i}`);
        const path = `folder${i % 100}-${round}/${i}`;
        return { kind: "place", path, staged, executable: false, expect: undefined };
      });
      const before = processorMs();
      const outcomes = await folder.change(changes);
      timesMs.push(processorMs() - before);
      assertEquals(outcomes.filter((outcome) => codeOf(outcome) === "done").length, changes.length);
      const { entries } = await folder.look("");
      assertEquals(entries.length, (round + 1) * (changes.length + 100));
    }
    // About 600 ms where nothing else runs; ten times as much would be a file call that got out of hand.
    assertEquals(timesMs.at(-1)! < 6_000, true, `${timesMs.join(", ")} ms of processor time`);
  }));

/** Processor time of this process so far, in milliseconds. */
function processorMs(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
