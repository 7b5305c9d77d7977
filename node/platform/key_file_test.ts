import { assertEquals, assertRejects } from "@std/assert";
import { toHex } from "../../protocol/bytes.ts";
import { loadOrCreateIdentity } from "./key_file.ts";

async function inFolder(test: (dir: string, key: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir, `${dir}/.p2pnode/key`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("loadOrCreateIdentity() makes a key once and reads it from then on", () =>
  inFolder(async (dir, key) => {
    const made = await loadOrCreateIdentity(dir);
    assertEquals((await Deno.stat(key)).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(`${dir}/.p2pnode`)).mode! & 0o777, 0o700);
    assertEquals((await loadOrCreateIdentity(dir)).nodeId, made.nodeId);
    const names = await Array.fromAsync(Deno.readDir(`${dir}/.p2pnode`), (entry) => entry.name);
    assertEquals(names, ["key"]);
  }));

Deno.test("loadOrCreateIdentity() gives everybody who starts together the same key", () =>
  inFolder(async (dir) => {
    const pairs = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateIdentity(dir)));
    assertEquals(new Set(pairs.map((pair) => toHex(pair.nodeId))).size, 1);
    const names = await Array.fromAsync(Deno.readDir(`${dir}/.p2pnode`), (entry) => entry.name);
    assertEquals(names, ["key"]);
  }));

Deno.test("loadOrCreateIdentity() refuses a key that other users can read", () =>
  inFolder(async (dir, key) => {
    await loadOrCreateIdentity(dir);
    for (const mode of [0o640, 0o604, 0o644, 0o666]) {
      await Deno.chmod(key, mode);
      await assertRejects(() => loadOrCreateIdentity(dir), Error, `chmod 600 ${key}`);
    }
  }));

Deno.test("loadOrCreateIdentity() refuses a damaged key and leaves it as it is", () =>
  inFolder(async (dir, key) => {
    await loadOrCreateIdentity(dir);
    const whole = await Deno.readTextFile(key);
    for (const text of ["", whole.slice(0, 60), "x".repeat(5000)]) {
      await Deno.writeTextFile(key, text);
      await assertRejects(() => loadOrCreateIdentity(dir), Error, `Cannot use key ${key}: it is `);
      assertEquals(await Deno.readTextFile(key), text);
    }
  }));

Deno.test("loadOrCreateIdentity() refuses a key that is a link or a folder", () =>
  inFolder(async (dir, key) => {
    await loadOrCreateIdentity(dir);
    await Deno.rename(key, `${dir}/elsewhere`);
    await Deno.symlink(`${dir}/elsewhere`, key);
    await assertRejects(() => loadOrCreateIdentity(dir), Error, "it is not a regular file");
    await Deno.remove(key);
    await Deno.mkdir(key);
    await assertRejects(() => loadOrCreateIdentity(dir), Error, "it is not a regular file");
  }));

Deno.test("loadOrCreateIdentity() removes what a crash left while making a key", () =>
  inFolder(async (dir, key) => {
    await Deno.mkdir(`${dir}/.p2pnode`);
    await Deno.writeTextFile(`${key}.half`, "-----BEGIN");
    const made = await loadOrCreateIdentity(dir);
    await Deno.link(key, `${key}.linked`);
    assertEquals((await loadOrCreateIdentity(dir)).nodeId, made.nodeId);
    const names = await Array.fromAsync(Deno.readDir(`${dir}/.p2pnode`), (entry) => entry.name);
    assertEquals(names, ["key"]);
  }));

Deno.test("loadOrCreateIdentity() says which key cannot be made or used", () =>
  inFolder(async (dir) => {
    await assertRejects(
      () => loadOrCreateIdentity(`${dir}/missing`),
      Error,
      `Cannot make key ${dir}/missing/.p2pnode/key: there is no such file or folder`,
    );
    await assertRejects(
      () => loadOrCreateIdentity("/dev/null"),
      Error,
      "Cannot use key /dev/null/.p2pnode/key: a part of its path is not a folder",
    );
  }));
