import { assert, assertEquals, assertThrows } from "@std/assert";
import { Folders } from "../store/folders.ts";
import { fileCalls } from "./file_calls.ts";
import { place } from "./place.ts";

/** A shared folder with a temporary file in it, and a folder outside. */
function inFolders(test: (root: string, outside: string) => void): void {
  const base = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${base}/folder`);
    Deno.mkdirSync(`${base}/outside`);
    Deno.writeTextFileSync(`${base}/folder/temporary`, "new");
    test(`${base}/folder`, `${base}/outside`);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

function placeAt(root: string, name: string, replace = false) {
  const placement = { temporary: `${root}/temporary`, path: `${root}/${name}`, replace };
  return place(placement, new Folders(root, fileCalls));
}

function namesIn(path: string): string[] {
  return Array.from(Deno.readDirSync(path), (entry) => entry.name).sort();
}

Deno.test("place() makes the folders on the way and leaves no temporary file", () =>
  inFolders((root) => {
    assertEquals(placeAt(root, "a/b/c"), undefined);
    assertEquals(Deno.readTextFileSync(`${root}/a/b/c`), "new");
    assertEquals(namesIn(root), ["a"]);
  }));

Deno.test("place() replaces an existing file only on request", () =>
  inFolders((root) => {
    Deno.writeTextFileSync(`${root}/file`, "old");
    assertEquals(placeAt(root, "file"), {
      error: `Cannot write ${root}/file: it exists already`,
      code: "exists",
    });
    assertEquals(Deno.readTextFileSync(`${root}/file`), "old");
    assertEquals(Deno.readTextFileSync(`${root}/temporary`), "new");
    assertEquals(placeAt(root, "file", true), undefined);
    assertEquals(Deno.readTextFileSync(`${root}/file`), "new");
    assertEquals(namesIn(root), ["file"]);
  }));

Deno.test("place() goes through no symbolic link below the root", () =>
  inFolders((root, outside) => {
    Deno.symlinkSync(outside, `${root}/link`);
    Deno.mkdirSync(`${root}/real`);
    Deno.symlinkSync(outside, `${root}/real/link`);
    Deno.symlinkSync(`${outside}/nowhere`, `${root}/dangling`);
    for (const name of ["link/file", "real/link/file", "link/a/b", "dangling/file"]) {
      for (const replace of [false, true]) {
        assertEquals(placeAt(root, name, replace)?.code, "not-regular", name);
      }
    }
    assertEquals(namesIn(outside), []);
  }));

Deno.test("place() replaces a symbolic link itself and writes to nothing behind it", () =>
  inFolders((root, outside) => {
    Deno.writeTextFileSync(`${outside}/target`, "old");
    Deno.symlinkSync(`${outside}/target`, `${root}/link`);
    assertEquals(placeAt(root, "link")?.code, "exists");
    assertEquals(placeAt(root, "link", true), undefined);
    assert(Deno.lstatSync(`${root}/link`).isFile);
    assertEquals(Deno.readTextFileSync(`${outside}/target`), "old");
  }));

Deno.test("place() does not mistake a file for a folder nor a folder for a file", () =>
  inFolders((root) => {
    Deno.writeTextFileSync(`${root}/file`, "old");
    Deno.mkdirSync(`${root}/folder/full`, { recursive: true });
    assertEquals(placeAt(root, "file/below")?.code, "not-regular");
    assertEquals(placeAt(root, "folder", true)?.code, "not-regular");
    assertEquals(placeAt(root, "folder")?.code, "exists");
    assertEquals(namesIn(root), ["file", "folder", "temporary"]);
  }));

Deno.test("place() says when the temporary file is gone", () =>
  inFolders((root) => {
    Deno.removeSync(`${root}/temporary`);
    assertEquals(placeAt(root, "a/b")?.code, "missing");
    assertEquals(placeAt(root, "a/b", true)?.code, "missing");
  }));

Deno.test("Folders makes folders below its root and nowhere else", () =>
  inFolders((root, outside) => {
    const folders = new Folders(root, fileCalls);
    folders.makeFor(`${root}/file`);
    folders.makeFor(`${root}/x/y/file`);
    assert(Deno.statSync(`${root}/x/y`).isDirectory);
    for (const path of [`${outside}/a/file`, `${root}x/file`, "/file", "file", `${root}/../a`]) {
      assertThrows(() => folders.makeFor(path), Error, "it lies outside of");
    }
    assertEquals(namesIn(outside), []);
  }));
