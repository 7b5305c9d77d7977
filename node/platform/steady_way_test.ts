import { assert, assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/files.ts";
import { lookAtWay, steadyWay } from "./steady_way.ts";
import type { Way } from "./steady_way.ts";

/** After so long a change of a folder shows in its time of change. */
const SHOWS_MS = 1100;

const never = new AbortController().signal;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function look(root: string, folder: string): Way {
  const way = lookAtWay({ root, folder });
  if (typeof way === "string") throw new Error(`the way is ${way}`);
  return way;
}

/** Puts `other` in the place of what is at `path`, and both back again. */
function swapAndBack(path: string, other: string): void {
  Deno.renameSync(path, `${path} aside`);
  Deno.renameSync(other, path);
  Deno.renameSync(path, other);
  Deno.renameSync(`${path} aside`, path);
}

Deno.test("a way is not still if a folder on it was another one for a moment", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(`${root}/a/b`, { recursive: true });
  Deno.symlinkSync(temporary.path, temporary.join("link"));
  await pause(SHOWS_MS);
  const way = look(root, "a/b");
  assert(way.isProof && way.isStill() && way.isProofOfNames && way.areNamesStill());
  swapAndBack(`${root}/a`, temporary.join("link"));
  assertEquals([way.isStill(), way.areNamesStill()], [false, false]);
});

Deno.test("names in a folder are not still if one of them stood for something else for a moment", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  const changes: Record<string, (folder: string) => void> = {
    "swapped for a link": (folder) => swapAndBack(`${folder}/file`, temporary.join("link")),
    "swapped for another file in it": (folder) => swapAndBack(`${folder}/file`, `${folder}/other`),
    "a new name for a file": (folder) => Deno.linkSync(`${folder}/file`, `${folder}/new`),
    "replaced by a new name of itself": (folder) => {
      Deno.linkSync(`${folder}/file`, `${folder}/new`);
      Deno.renameSync(`${folder}/other`, `${folder}/file`);
      Deno.renameSync(`${folder}/new`, `${folder}/file`);
    },
    "gone": (folder) => Deno.removeSync(`${folder}/file`),
  };
  for (const name of Object.keys(changes)) {
    Deno.mkdirSync(`${root}/${name}`, { recursive: true });
    for (const file of ["file", "other"]) Deno.writeTextFileSync(`${root}/${name}/${file}`, name);
  }
  Deno.symlinkSync(temporary.path, temporary.join("link"));
  await pause(SHOWS_MS);
  for (const [name, change] of Object.entries(changes)) {
    const way = look(root, name);
    assert(way.isProofOfNames && way.areNamesStill(), name);
    change(`${root}/${name}`);
    assert(!way.areNamesStill(), name);
    // The way itself is another matter: here its parent vouches for it.
    assert(way.isStill(), name);
  }
});

Deno.test("a folder that has just changed proves nothing of its names, even if its parent vouches for the way", async () => {
  using temporary = temporaryFolder();
  const root = temporary.join("root");
  Deno.mkdirSync(`${root}/dir`, { recursive: true });
  await pause(SHOWS_MS);
  Deno.writeTextFileSync(`${root}/dir/file`, "new");
  const way = look(root, "dir");
  assertEquals([way.isProof, way.isProofOfNames], [true, false]);
  assertEquals([way.isStill(), way.areNamesStill()], [true, false]);
});

Deno.test("steadyWay() says what is gone and what is no way", async () => {
  using temporary = temporaryFolder();
  Deno.mkdirSync(temporary.join("root/dir"), { recursive: true });
  Deno.symlinkSync("dir", temporary.join("root/link"));
  Deno.writeTextFileSync(temporary.join("root/file"), "text");
  const root = temporary.join("root");
  const at = (folder: string) => steadyWay({ root, folder }, never);
  assertEquals(await at("missing"), "gone");
  assertEquals(await at("link"), "unsteady");
  assertEquals(await at("file"), "unsteady");
  assert(typeof await at("dir") !== "string");
});
