import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/files.ts";
import { MadeFolder } from "./made_folder.ts";

/** Makes a folder if there is none, abandons it and disposes of it. Answers whether it is there then. */
function isKept(path: string, between = () => {}): boolean {
  {
    using made = new MadeFolder(path);
    Deno.mkdirSync(`${path}/.p2pnode/stage`, { recursive: true });
    made.abandon();
    between();
  }
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

Deno.test("a folder that was made and abandoned goes, with the private area in it", () => {
  using temporary = temporaryFolder();
  assertEquals(isKept(temporary.join("new")), false);
});

Deno.test("a folder that was there, or has something in it, or is needed, stays", () => {
  using temporary = temporaryFolder();
  const path = temporary.join("folder");
  assertEquals(isKept(path, () => Deno.writeTextFileSync(`${path}/mine`, "")), true);
  assertEquals(Deno.lstatSync(`${path}/.p2pnode/stage`).isDirectory, true);
  Deno.removeSync(path, { recursive: true });
  Deno.mkdirSync(path);
  assertEquals(isKept(path), true);
  const needed = temporary.join("needed");
  {
    using _made = new MadeFolder(needed);
    Deno.mkdirSync(needed);
  }
  assertEquals(Deno.lstatSync(needed).isDirectory, true);
});
