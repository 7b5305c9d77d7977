import { assert, assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/files.ts";
import type { LocalFile } from "../transfer/stage.ts";
import { errorNameOf } from "./disk_failure.ts";
import { lookAt } from "./file_state.ts";
import { readSmallFiles } from "./small_files.ts";

/** After so long a change of a folder shows in its time of change. */
const SHOWS_MS = 1100;
const COUNT = 20;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A root with a folder of files, each of which has a text of its own. */
function setUp() {
  const temporary = temporaryFolder();
  const root = temporary.join("root");
  const folder = `${root}/dir`;
  Deno.mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: COUNT }, (_, i) => `${i}`);
  for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, textOf("inside", name));
  return {
    root,
    folder,
    names,
    join: (path: string) => temporary.join(path),
    /** The files as they are now. */
    files: (): LocalFile[] =>
      names.map((name) => {
        const path = `${folder}/${name}`;
        const { size, stamp } = lookAt(path)!;
        return { path, size, expect: stamp };
      }),
    [Symbol.dispose]: () => temporary[Symbol.dispose](),
  };
}

function textOf(where: string, name: string): string {
  return `${where} ${name.padStart(3)}`;
}

/** The texts that are read, in which those that are not are "". */
function read(files: readonly LocalFile[], root: string | undefined): string[] {
  const buffer = new ArrayBuffer(files.reduce((sum, { size }) => sum + size, 0));
  const unread = new Map(readSmallFiles(files, { root, buffer }));
  let start = 0;
  return files.map(({ size }, i) => {
    const text = new TextDecoder().decode(new Uint8Array(buffer, start, size));
    start += size;
    return unread.has(i) ? "" : text;
  });
}

/** Runs `action` while each look at a path is told of, before and after it. */
function withLooks<T>(
  hooks: { before(path: string): void; after(path: string): void },
  action: () => T,
): T {
  const { lstatSync } = Deno;
  Deno.lstatSync = (path) => {
    hooks.before(`${path}`);
    const info = lstatSync(path);
    hooks.after(`${path}`);
    return info;
  };
  try {
    return action();
  } finally {
    Deno.lstatSync = lstatSync;
  }
}

Deno.test("readSmallFiles() reads the files that are as they were found, and no others", async () => {
  using set = setUp();
  await pause(SHOWS_MS);
  const expected = set.names.map((name) => textOf("inside", name));
  for (const root of [set.root, undefined]) assertEquals(read(set.files(), root), expected);
  const files = set.files();
  Deno.writeTextFileSync(files[3]!.path, textOf("changed", "3"));
  Deno.removeSync(files[5]!.path);
  expected[3] = expected[5] = "";
  for (const root of [set.root, undefined]) assertEquals(read(files, root), expected);
  const buffer = new ArrayBuffer(1024);
  const errors = readSmallFiles(files, { root: set.root, buffer });
  assertEquals(errors.map(([i, error]) => [i, errorNameOf(error)]), [[3, "ECHANGED"], [
    5,
    "ENOENT",
  ]]);
});

Deno.test("readSmallFiles() puts each file's bytes in its place, whichever folder it is in", async () => {
  using set = setUp();
  const other = `${set.root}/other`;
  Deno.mkdirSync(other);
  for (const name of set.names) Deno.writeTextFileSync(`${other}/${name}`, textOf("beside", name));
  await pause(SHOWS_MS);
  const files = set.files().flatMap((file, i) => {
    const path = `${other}/${i}`;
    return [file, { path, size: file.size, expect: lookAt(path)!.stamp }];
  });
  Deno.removeSync(files[6]!.path);
  const expected = set.names.flatMap((name) => [textOf("inside", name), textOf("beside", name)]);
  expected[6] = "";
  assertEquals(read(files, set.root), expected);
});

Deno.test("readSmallFiles() is not held up by a pipe, and reads what is beside it", async () => {
  using set = setUp();
  const files = set.files();
  Deno.removeSync(files[4]!.path);
  new Deno.Command("mkfifo", { args: [files[4]!.path] }).outputSync();
  await pause(SHOWS_MS);
  const expected = set.names.map((name) => name === "4" ? "" : textOf("inside", name));
  assertEquals(read(files, set.root), expected);
});

Deno.test("readSmallFiles() reads nothing from outside, whichever step of it a folder is swapped between", async () => {
  using set = setUp();
  const [outside, link, aside] = [set.join("outside"), set.join("link"), set.join("aside")];
  Deno.mkdirSync(outside);
  for (const name of set.names) {
    Deno.writeTextFileSync(`${outside}/${name}`, textOf("secret", name));
  }
  Deno.symlinkSync(outside, link);
  const expected = set.names.map((name) => textOf("inside", name));
  const files = set.files();
  for (const at of [0, 7, COUNT - 1]) {
    await pause(SHOWS_MS);
    let isSwapped = false;
    let swapCount = 0;
    const before = at === 0 ? set.folder : files[at - 1]!.path;
    const texts = withLooks({
      // What is looked at afterwards is what should be there.
      before: () => {
        if (!isSwapped) return;
        Deno.renameSync(set.folder, link);
        Deno.renameSync(aside, set.folder);
        isSwapped = false;
      },
      after: (path) => {
        if (path !== before || swapCount++ > 0) return;
        Deno.renameSync(set.folder, aside);
        Deno.renameSync(link, set.folder);
        isSwapped = true;
      },
    }, () => read(files, set.root));
    assert(swapCount > 0 && !isSwapped, "nothing was swapped");
    assertEquals(texts, expected, `swapped after ${before}`);
  }
});
