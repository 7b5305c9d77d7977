import { assertEquals } from "@std/assert";
import { MemoryFiles } from "../../tests/sync_simulation/memory_files.ts";
import { MemoryFolder } from "../../tests/sync_simulation/memory_folder.ts";
import { ChangeSteps } from "./change_steps.ts";
import { linkStamp } from "./live_folder.ts";
import type { Change } from "./live_folder.ts";

const ROOT = "/folder";
const STAGED = `${ROOT}/.p2pnode/staged`;
const KEPT = `${ROOT}/.p2pnode/kept`;
/** Longer than a file's name may be in UTF-8, in parts that are not. */
const LONG = [..."abcdef"].map((letter) => `${letter}%ü`.repeat(40)).join("/");

/** A folder with the files a, b and d/e and a staged one. */
function folderWithFiles(): MemoryFiles {
  const files = new MemoryFiles();
  new MemoryFolder(files, ROOT);
  for (const path of ["a", "b", "d/e", LONG]) write(files, path, `old ${path}`);
  files.write(STAGED, bytesOf("new"));
  return files;
}

function write(files: MemoryFiles, path: string, text: string): void {
  files.write(`${ROOT}/${path}`, bytesOf(text));
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function read(files: MemoryFiles, path: string): string | undefined {
  const bytes = files.bytesOf(path.startsWith("/") ? path : `${ROOT}/${path}`);
  return bytes && new TextDecoder().decode(bytes);
}

function stampOf(files: MemoryFiles, path: string): string {
  return files.stateOf(`${ROOT}/${path}`)!.stamp;
}

/** Makes a change; before step `at` of it something else happens. Answers the outcome, or whether it was over. */
function make(files: MemoryFiles, change: Change, at = Infinity, between = () => {}) {
  const steps = new ChangeSteps(ROOT, files.calls).make(change);
  for (let step = 0;; step++) {
    if (step === at) between();
    const { done, value } = steps.next();
    if (done) return { outcome: value, stepCount: step + 1 };
  }
}

/** Ends the process before step `at` of a change, and opens the folder again. */
function crash(files: MemoryFiles, change: Change, at: number): void {
  const steps = new ChangeSteps(ROOT, files.calls).make(change);
  for (let step = 0; step < at; step++) steps.next();
  new MemoryFolder(files, ROOT);
}

/** Each kind of change of the file at `path`. */
function changesOf(files: MemoryFiles, path: string): Record<string, Change> {
  const expect = stampOf(files, path);
  const place = { kind: "place", path, staged: STAGED, executable: false, expect } as const;
  return {
    replace: place,
    "replace and keep": { ...place, keep: KEPT },
    "replace in one step": { ...place, kind: "swap" },
    move: { kind: "move", from: path, expect, path: "new/name", executable: true },
    remove: { kind: "remove", path, expect },
    "remove and keep": { kind: "remove", path, expect, keep: KEPT },
  };
}

const KINDS = Object.keys(changesOf(folderWithFiles(), "a"));

Deno.test("make() places a file where there is nothing, and only there", () => {
  const files = folderWithFiles();
  const place = { kind: "place", staged: STAGED, executable: true, expect: undefined } as const;
  assertEquals(make(files, { ...place, path: "a" }).outcome, "changed");
  assertEquals(read(files, "a"), "old a");
  const { outcome } = make(files, { ...place, path: "x/y/z" });
  assertEquals(outcome, { done: true, stamp: stampOf(files, "x/y/z") });
  assertEquals(read(files, "x/y/z"), "new");
  assertEquals(files.nodeAt(`${ROOT}/x/y/z`)?.mode, 0o755);
  assertEquals(files.nodeAt(STAGED), undefined);
});

Deno.test("make() makes every kind of change of the file that was expected", () => {
  for (const path of ["a", "d/e", LONG]) {
    for (const kind of KINDS) {
      const files = folderWithFiles();
      const change = changesOf(files, path)[kind]!;
      const { outcome } = make(files, change);
      const isThere = kind.startsWith("replace");
      assertEquals(read(files, path), isThere ? "new" : undefined, kind);
      assertEquals(read(files, KEPT), kind.endsWith("keep") ? `old ${path}` : undefined, kind);
      const target = kind === "move" ? "new/name" : path;
      if (kind === "move") assertEquals(read(files, target), `old ${path}`);
      const stamp = files.stateOf(`${ROOT}/${target}`)?.stamp ?? "";
      assertEquals(outcome, { done: true, stamp }, kind);
    }
  }
});

Deno.test("a name whose file is swapped has a file at every step", () => {
  const { stepCount } = make(
    folderWithFiles(),
    changesOf(folderWithFiles(), "a")["replace in one step"]!,
  );
  for (let at = 0; at < stepCount; at++) {
    const files = folderWithFiles();
    make(files, changesOf(files, "a")["replace in one step"]!, at, () => {
      assertEquals(read(files, "a"), "old a");
    });
    assertEquals(read(files, "a"), "new");
  }
});

Deno.test("make() keeps the permissions of a file that it replaces", () => {
  const files = folderWithFiles();
  const { number } = files.nodeAt(`${ROOT}/a`)!;
  files.calls.setMode(`${ROOT}/a`, 0o640, number);
  const change = { ...changesOf(files, "a")["replace"]!, executable: true } as Change;
  make(files, change);
  assertEquals(files.nodeAt(`${ROOT}/a`)?.mode, 0o750);
});

Deno.test("make() changes nothing where another file is than was expected", () => {
  for (const kind of KINDS) {
    const files = folderWithFiles();
    const change = changesOf(files, "a")[kind]!;
    write(files, "a", "edited");
    const before = files.paths();
    assertEquals(make(files, change).outcome, "changed");
    assertEquals(files.paths().filter((path) => !path.endsWith("/new")), before, kind);
    assertEquals(read(files, "a"), "edited");
  }
});

Deno.test("an edit between any two steps is not lost", () => {
  for (const kind of KINDS) {
    for (const edit of ["in place", "by a new file"]) {
      const { stepCount } = make(folderWithFiles(), changesOf(folderWithFiles(), "a")[kind]!);
      for (let at = 0; at < stepCount; at++) {
        const files = folderWithFiles();
        const { outcome } = make(files, changesOf(files, "a")[kind]!, at, () => {
          if (edit === "by a new file") files.remove(`${ROOT}/a`);
          write(files, "a", "edited");
        });
        const name = `${kind}, ${edit} before step ${at}: ${JSON.stringify(outcome)}`;
        const texts = files.paths(ROOT).map((path) => read(files, path));
        assertEquals(texts.includes("edited"), true, name);
        assertEquals(texts.some((text) => text === "edited" || text === "new"), true, name);
        assertEquals(files.paths(`${ROOT}/.p2pnode/aside`), [], name);
        if (outcome === "changed") assertEquals(read(files, "a"), "edited", name);
        else if (kind.startsWith("replace")) {
          const { stamp } = outcome as { stamp: string };
          assertEquals(stamp === stampOf(files, "a"), read(files, "a") === "new", name);
        }
      }
    }
  }
});

Deno.test("a file that goes between any two steps is no failure", () => {
  for (const kind of KINDS) {
    for (let at = 0; at < 8; at++) {
      const files = folderWithFiles();
      const { outcome } = make(files, changesOf(files, "a")[kind]!, at, () => {
        files.remove(`${ROOT}/a`);
      });
      const isChangedOrDone = outcome === "changed" ||
        typeof outcome === "object" && "done" in outcome;
      assertEquals(isChangedOrDone, true, `${kind} before step ${at}: ${JSON.stringify(outcome)}`);
    }
  }
});

Deno.test("a crash between any two steps leaves the old bytes or the new, and nothing aside", () => {
  for (const path of ["a", LONG]) {
    for (const kind of KINDS) {
      for (let at = 0; at < 10; at++) {
        const files = folderWithFiles();
        crash(files, changesOf(files, path)[kind]!, at);
        const name = `${kind} before step ${at}`;
        const isOld = read(files, path) === `old ${path}`;
        const isNew = kind === "move"
          ? read(files, "new/name") === `old ${path}`
          : kind.startsWith("remove")
          ? read(files, path) === undefined
          : read(files, path) === "new";
        assertEquals(isOld || isNew, true, name);
        if (isNew && kind.endsWith("keep")) assertEquals(read(files, KEPT), `old ${path}`, name);
        assertEquals(files.paths(`${ROOT}/.p2pnode/aside`), [], name);
      }
    }
  }
});

Deno.test("a file that was to be moved is rescued when its name is taken after a crash", () => {
  const files = folderWithFiles();
  const steps = new ChangeSteps(ROOT, files.calls).make(changesOf(files, "d/e")["move"]!);
  while (read(files, "d/e") !== undefined) steps.next();
  files.remove(`${ROOT}/d`);
  write(files, "d", "a file now");
  new MemoryFolder(files, ROOT);
  assertEquals(read(files, "e.rescued-1"), "old d/e");
  assertEquals(read(files, "d"), "a file now");
});

Deno.test("make() sets a mode on the file that was expected", () => {
  const files = folderWithFiles();
  const change = {
    kind: "mode",
    path: "a",
    executable: true,
    expect: stampOf(files, "a"),
  } as const;
  const { outcome } = make(files, change);
  assertEquals(files.nodeAt(`${ROOT}/a`)?.mode, 0o755);
  assertEquals(outcome, { done: true, stamp: stampOf(files, "a") });
  assertEquals(make(files, change).outcome, "changed");
});

/** The change that places a folder with the files "one" and "run". */
function placementOf(files: MemoryFiles, path: string): Change {
  const staged = `${ROOT}/.p2pnode/folder`;
  for (const name of ["one", "run"]) files.write(`${staged}/${name}`, bytesOf(name));
  const names = [{ name: "one", executable: false }, { name: "run", executable: true }];
  return { kind: "placeFolder", path, staged, files: names };
}

Deno.test("make() places a folder with its files, and tells their stamps", () => {
  const files = folderWithFiles();
  const { outcome } = make(files, placementOf(files, "x/y"));
  const stamps = ["x/y/one", "x/y/run"].map((path) => stampOf(files, path));
  assertEquals(outcome, { done: true, stamp: "", stamps });
  assertEquals([read(files, "x/y/one"), read(files, "x/y/run")], ["one", "run"]);
  const modes = ["one", "run"].map((name) => files.nodeAt(`${ROOT}/x/y/${name}`)?.mode);
  assertEquals(modes, [0o644, 0o755]);
  assertEquals(files.nodeAt(`${ROOT}/.p2pnode/folder`), undefined);
});

Deno.test("make() places no folder where there is anything, whenever that came", () => {
  const { stepCount } = make(folderWithFiles(), placementOf(folderWithFiles(), "x/y"));
  for (const other of ["file", "folder", "link"]) {
    for (let at = 0; at < stepCount; at++) {
      const files = folderWithFiles();
      const change = placementOf(files, "x/y");
      files.makeFolder(`${ROOT}/x`);
      const { outcome } = make(files, change, at, () => {
        if (other === "file") write(files, "x/y", "mine");
        else if (other === "folder") files.makeFolder(`${ROOT}/x/y`);
        else files.makeOther(`${ROOT}/x/y`, "/elsewhere");
      });
      assertEquals(outcome, "changed", `${other} before step ${at}`);
      assertEquals(files.paths(`${ROOT}/x`), [`${ROOT}/x/y`]);
      assertEquals(read(files, `${ROOT}/.p2pnode/folder/one`), "one");
    }
  }
});

Deno.test("make() places no folder through a link", () => {
  const files = folderWithFiles();
  files.makeFolder("/outside");
  files.makeOther(`${ROOT}/link`, "/outside");
  const { outcome } = make(files, placementOf(files, "link/y"));
  assertEquals((outcome as { code: string }).code, "not-regular");
  assertEquals(files.paths("/outside"), []);
});

Deno.test("make() makes and removes folders, and says what is in the way", () => {
  const files = folderWithFiles();
  const outcomeOf = (kind: "makeFolder" | "removeFolder", path: string) =>
    make(files, { kind, path }).outcome;
  const done = { done: true, stamp: "" } as const;
  assertEquals(outcomeOf("makeFolder", "x/y"), done);
  assertEquals(outcomeOf("makeFolder", "x/y"), done);
  assertEquals(outcomeOf("makeFolder", "a"), "changed");
  assertEquals(outcomeOf("makeFolder", "a/b"), "changed");
  assertEquals(outcomeOf("removeFolder", "x"), "not-empty");
  assertEquals(outcomeOf("removeFolder", "x/y"), done);
  assertEquals(outcomeOf("removeFolder", "x/y"), done);
  assertEquals(outcomeOf("removeFolder", "a"), "changed");
});

Deno.test("make() makes links, and replaces and removes those that still say the same", () => {
  const files = folderWithFiles();
  const temporary = `${ROOT}/.p2pnode/parts/link`;
  files.makeFolder(`${ROOT}/.p2pnode/parts`);
  const link = (path: string, target: string, expect?: string) =>
    make(files, { kind: "link", path, target, temporary, expect }).outcome;
  const done = { done: true, stamp: "" } as const;
  const says = (path: string) => files.calls.readLink(`${ROOT}/${path}`);
  assertEquals(link("x/l", "../a"), done);
  assertEquals(says("x/l"), "../a");
  assertEquals(link("a", "b"), "changed");
  assertEquals(link("x/l", "b", linkStamp("other")), "changed");
  assertEquals(link("x/l", "b", linkStamp("../a")), done);
  assertEquals(link("a", "x", stampOf(files, "a")), done);
  assertEquals([says("x/l"), says("a"), files.nodeAt(temporary)], ["b", "x", undefined]);
  const staged = { staged: STAGED, executable: false } as const;
  const place = { kind: "swap", path: "a", ...staged } as const;
  assertEquals(make(files, { ...place, expect: linkStamp("y") }).outcome, "changed");
  assertEquals(make(files, { ...place, expect: linkStamp("x") }).outcome, {
    done: true,
    stamp: stampOf(files, "a"),
  });
  const remove = { kind: "remove", path: "x/l" } as const;
  assertEquals(make(files, { ...remove, expect: linkStamp("x") }).outcome, "changed");
  assertEquals(make(files, { ...remove, expect: linkStamp("b") }).outcome, done);
  assertEquals(files.nodeAt(`${ROOT}/x/l`), undefined);
});

Deno.test("make() names what it cannot get out of the way, and a staged file that is gone", () => {
  const files = folderWithFiles();
  files.makeOther(`${ROOT}/link`);
  const place = { kind: "place", staged: STAGED, executable: false, expect: undefined } as const;
  const codeOf = (change: Change) => {
    const { outcome } = make(files, change);
    return typeof outcome === "object" && "code" in outcome ? outcome.code : outcome;
  };
  assertEquals(codeOf({ ...place, path: "link" }), "exists");
  assertEquals(codeOf({ ...place, path: "link/file" }), "not-regular");
  assertEquals(codeOf({ kind: "makeFolder", path: "link" }), "not-regular");
  assertEquals(codeOf({ ...place, path: "../outside" }), "failed");
  assertEquals(codeOf({ ...place, path: ".p2pnode/lock" }), "failed");
  assertEquals(codeOf({ ...place, path: "c", staged: `${ROOT}/.p2pnode/none` }), "missing");
});
