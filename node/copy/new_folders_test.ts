import { assertEquals } from "@std/assert";
import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import type { FetchDecision, MakeDecision, Task } from "./decision.ts";
import { NewFolders } from "./new_folders.ts";
import type { TreeEntry } from "./tree_entry.ts";

const MIB = 1024 ** 2;

function entryOf(path: string, kind: TreeEntry["kind"], size: number): TreeEntry {
  return { number: 0, path, kind, id: new Uint8Array(32), size, executable: false, target: "" };
}

function folder(path: string): MakeDecision {
  return { kind: "make", entry: entryOf(path, "folder", 0), found: undefined };
}

function link(path: string): MakeDecision {
  return { kind: "make", entry: entryOf(path, "link", 0), found: undefined };
}

function file(path: string, size = 1): FetchDecision {
  const entry = entryOf(path, "file", size);
  return { kind: "fetch", entry, found: undefined, want: { id: entry.id, size, bases: [] } };
}

function nameOf(task: Task): string {
  if (task.kind !== "folder") return task.entry.path;
  return `${task.make.entry.path}{${task.files.map(({ entry }) => entry.path).join(" ")}}`;
}

/** Folders whose tasks are in `placed`, in words; `staged` are the temporary folders that are there. */
class SetUp implements Disposable {
  readonly placed: string[] = [];
  readonly staged = new Set<string>();
  readonly #tasks: Task[] = [];
  readonly #wanted = new Map<string, FetchDecision>();
  #count = 0;
  readonly folders = new NewFolders({
    stage: {
      makeFolder: () => {
        const path = `/stage/${this.#count++}`;
        this.staged.add(path);
        return { path, [Symbol.dispose]: () => this.staged.delete(path) };
      },
    },
    place: (tasks) => {
      this.placed.push(...tasks.map(nameOf));
      this.#tasks.push(...tasks);
    },
  });

  list(...decisions: readonly (FetchDecision | MakeDecision)[]): void {
    for (const decision of this.folders.take(decisions)) {
      this.#wanted.set(decision.entry.path, decision);
    }
  }

  /** Where the file is to be staged. */
  stageAs(path: string): string | undefined {
    return this.#wanted.get(path)?.want.stageAs;
  }

  /** The files come; what has no other place is staged elsewhere. */
  come(...paths: readonly string[]): void {
    for (const path of paths) {
      const decision = this.#wanted.get(path)!;
      const staged = decision.want.stageAs ?? `/stage/${path}`;
      this.folders.arrived({ ...decision, staged, cameMs: 0 });
    }
  }

  /** All that was placed until now is done. Answers what it was. */
  apply(): string[] {
    const done = this.placed.splice(0);
    this.folders.applied(this.#tasks.splice(0));
    return done;
  }

  [Symbol.dispose](): void {
    this.folders[Symbol.dispose]();
  }
}

Deno.test("a folder gets its name with its files when all of them have come and another one is listed", () => {
  using set = new SetUp();
  set.list(folder("a"), folder("b"), file("a/1"), file("a/2"));
  assertEquals([set.stageAs("a/1"), set.stageAs("a/2")], ["/stage/0/1", "/stage/0/2"]);
  set.come("a/2", "a/1");
  assertEquals(set.placed, []);
  set.list(file("b/1"));
  assertEquals(set.apply(), ["a{a/2 a/1}"]);
  set.folders.close();
  assertEquals(set.placed, []);
  set.come("b/1");
  assertEquals(set.apply(), ["b{b/1}"]);
  assertEquals([...set.staged], []);
});

Deno.test("what else belongs into a folder waits until it is there, and so do folders in it", () => {
  using set = new SetUp();
  set.list(folder("a"), link("a/link"), folder("a/b"), file("a/small"));
  set.list(file("a/large", SMALL_SIZE_MAX + 1), file("a/b/small"));
  assertEquals(set.stageAs("a/large"), undefined);
  set.folders.close();
  set.come("a/b/small", "a/large");
  assertEquals(set.placed, []);
  set.come("a/small");
  assertEquals(set.apply(), ["a{a/small}"]);
  assertEquals(set.apply(), ["a/link", "a/b{a/b/small}", "a/large"]);
});

Deno.test("a folder does not wait for what is listed after a file that is not staged in it", () => {
  using set = new SetUp();
  set.list(folder("a"), file("a/1"), file("a/large", SMALL_SIZE_MAX + 1), file("a/2"));
  assertEquals(set.stageAs("a/2"), undefined);
  set.come("a/2", "a/1");
  assertEquals(set.apply(), ["a{a/1}"]);
  assertEquals(set.apply(), ["a/2"]);
});

Deno.test("of a copy that ends before, each file that has come is done by itself", () => {
  using set = new SetUp();
  set.list(folder("a"), link("a/link"), file("a/1"), file("a/2"), folder("a/b"), file("a/b/3"));
  set.list(folder("c"), file("c/4"));
  set.folders.close();
  set.come("a/1", "a/b/3");
  assertEquals(set.apply(), []);
  set.folders.breakOff();
  assertEquals(set.apply(), ["a/1", "a/link", "a/b{a/b/3}"]);
  assertEquals([...set.staged].sort(), ["/stage/0", "/stage/2"]);
});

Deno.test("a folder without files is made, and one whose files do not come as well", () => {
  using set = new SetUp();
  set.list(folder("empty"), folder("poor"));
  const [decision] = set.folders.take([file("poor/1")]);
  set.folders.close();
  assertEquals(set.apply(), ["empty"]);
  set.folders.missing(decision!);
  assertEquals(set.apply(), ["poor"]);
  assertEquals([...set.staged], []);
});

Deno.test("a file that was staged elsewhere follows when its folder is there", () => {
  using set = new SetUp();
  set.list(folder("a"), file("a/1"), file("a/2"));
  set.folders.close();
  set.come("a/1");
  const decision = file("a/2");
  const want = { ...decision.want, stageAs: set.stageAs("a/2")! };
  set.folders.arrived({ ...decision, want, staged: "/stage/copy", cameMs: 0 });
  assertEquals(set.apply(), ["a{a/1}"]);
  assertEquals(set.apply(), ["a/2"]);
});

Deno.test("a folder does not wait for more than 1,024 entries, nor for more than 4 MiB", () => {
  for (const [count, size, most] of [[2000, 1, 1024], [100, MIB / 4, 16]] as const) {
    using set = new SetUp();
    const paths = Array.from({ length: count }, (_, i) => `a/${i}`);
    set.list(folder("a"), ...paths.map((path) => file(path, size)));
    const inside = paths.filter((path) => set.stageAs(path) !== undefined);
    assertEquals(inside.length, most);
    set.come(...paths);
    set.folders.close();
    assertEquals(set.apply(), [`a{${inside.join(" ")}}`]);
    assertEquals(set.apply(), paths.slice(most));
  }
});

Deno.test("a folder with very many others in it is made before they are all listed", () => {
  using set = new SetUp();
  const below = Array.from({ length: 1500 }, (_, i) => `a/${i}`);
  set.list(folder("a"), ...below.map(folder));
  assertEquals(set.apply(), ["a"]);
  set.folders.close();
  assertEquals(set.apply(), below);
});

Deno.test("only so many folders are held, and what is listed again is not held again", () => {
  using set = new SetUp();
  const all = Array.from({ length: 16_500 }, (_, i) => folder(`${i}`));
  const again = folder("0");
  set.list(...all, again);
  assertEquals(all.filter((make) => set.folders.isHeld(make)).length, 16_384);
  assertEquals(set.folders.isHeld(again), false);
  assertEquals(set.apply().length, 16_500 - 16_384 + 1);
  // The second one with the name has not ended the first.
  assertEquals(set.folders.isHeld(all[0]!), true);
});

Deno.test("a file with the name of another one, or in the place of something, is not staged in a folder", () => {
  using set = new SetUp();
  const found = { path: "a/2", kind: "link", target: "x", stamp: "link x" } as const;
  set.list(folder("a"), file("a/1"), { ...file("a/2"), found });
  assertEquals(set.stageAs("a/2"), undefined);
  set.list(file("a/1"));
  assertEquals(set.stageAs("a/1"), undefined);
});

Deno.test("what has got no name is removed at the end", () => {
  const set = new SetUp();
  set.list(folder("a"), file("a/1"));
  set.come("a/1");
  assertEquals(set.staged.size, 1);
  set[Symbol.dispose]();
  assertEquals(set.staged.size, 0);
});
