import { assert, assertEquals, assertRejects } from "@std/assert";
import { randomBytes, temporaryFolder } from "../../tests/files.ts";
import { localFiles } from "./local_files.ts";

Deno.test("copyIn() copies a file's bytes, also over a link, and tells whether it may be executed", async () => {
  using folder = temporaryFolder();
  const bytes = randomBytes(100_000, 1);
  Deno.writeFileSync(folder.join("a"), bytes, { mode: 0o755 });
  Deno.symlinkSync(folder.join("a"), folder.join("link"));
  assertEquals(await localFiles.copyIn(folder.join("link"), folder.join("copy")), {
    executable: true,
  });
  assertEquals(Deno.readFileSync(folder.join("copy")), bytes);
  await assertRejects(
    () => localFiles.copyIn(folder.path, folder.join("other")),
    Error,
    `Cannot read ${folder.path}: it is a folder`,
  );
  await assertRejects(
    () => localFiles.copyIn(folder.join("nothing"), folder.join("other")),
    Error,
    "there is no such file",
  );
});

Deno.test("copyOut() replaces nothing, takes the same file for done, and leaves nothing behind", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(folder.join("a"), "one");
  assertEquals(await localFiles.copyOut(folder.join("a"), folder.join("b")), true);
  assertEquals(await localFiles.copyOut(folder.join("a"), folder.join("b")), false);
  Deno.writeTextFileSync(folder.join("b"), "two");
  await assertRejects(
    () => localFiles.copyOut(folder.join("a"), folder.join("b")),
    Error,
    `Cannot write ${folder.join("b")}: it exists already`,
  );
  assertEquals(Deno.readTextFileSync(folder.join("b")), "two");
  await assertRejects(() => localFiles.copyOut(folder.join("a"), folder.join("no/such/c")), Error);
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["a", "b"]);
});

Deno.test("copyOut() does not follow a link that has the name", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(folder.join("a"), "one");
  Deno.writeTextFileSync(folder.join("target"), "one");
  Deno.symlinkSync(folder.join("target"), folder.join("b"));
  await assertRejects(
    () => localFiles.copyOut(folder.join("a"), folder.join("b")),
    Error,
    "exists",
  );
});

Deno.test("haveSameBytes() sees a difference in the last of many bytes", async () => {
  using folder = temporaryFolder();
  const bytes = randomBytes((1 << 20) + 10, 1);
  Deno.writeFileSync(folder.join("a"), bytes);
  bytes[bytes.length - 1]! ^= 1;
  Deno.writeFileSync(folder.join("b"), bytes);
  assert(await localFiles.haveSameBytes(folder.join("a"), folder.join("a")));
  assert(!await localFiles.haveSameBytes(folder.join("a"), folder.join("b")));
});

Deno.test("resolve() follows the links on the way, also to what is not there yet", async () => {
  using folder = temporaryFolder();
  const real = Deno.realPathSync(folder.path);
  Deno.mkdirSync(folder.join("real"));
  Deno.symlinkSync(folder.join("real"), folder.join("link"));
  assertEquals(await localFiles.resolve(folder.join("link/new.txt")), `${real}/real/new.txt`);
  assertEquals(await localFiles.resolve(folder.join("link")), `${real}/real`);
});
