import { assertEquals } from "@std/assert";
import { failureOf, FileError } from "./disk_failure.ts";

function failureWhen(action: () => void) {
  try {
    action();
  } catch (error) {
    return failureOf("do it", error);
  }
  throw new Error("nothing failed");
}

Deno.test("failureOf() names what the operating system refused", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/file`, "");
    assertEquals(failureWhen(() => Deno.openSync(`${dir}/none`)), {
      error: "Cannot do it: there is no such file or folder",
      code: "missing",
    });
    assertEquals(failureWhen(() => Deno.mkdirSync(`${dir}/file`)).code, "exists");
    assertEquals(failureWhen(() => Deno.lstatSync(`${dir}/file/below`)).code, "not-regular");
    assertEquals(failureWhen(() => Deno.writeFileSync(dir, new Uint8Array(1))).code, "not-regular");
    assertEquals(
      failureWhen(() => Deno.mkdirSync(`${dir}/${"a".repeat(300)}`)).error,
      "Cannot do it: the name is too long for this file system",
    );
    const full = failureWhen(() => Deno.writeFileSync("/dev/full", new Uint8Array(1)));
    assertEquals(full, {
      error: "Cannot do it: the disk is full (free some space and try again)",
      code: "no-space",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("failureOf() names what the program found, and passes on what it does not know", () => {
  assertEquals(failureOf("hash a", new FileError("ECHANGED")), {
    error: "Cannot hash a: it changed while it was read",
    code: "changed",
  });
  assertEquals(failureOf("do it", new Error("of the moon")), {
    error: "Cannot do it: of the moon",
    code: "failed",
  });
  assertEquals(
    failureOf("do it", Object.assign(new Error("odd"), { code: "toString" })).code,
    "failed",
  );
  assertEquals(failureOf("do it", "a string").error, "Cannot do it: a string");
});
