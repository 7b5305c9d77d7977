import { assertEquals } from "@std/assert";
import { UnsettledFiles } from "./unsettled_files.ts";

const LARGE = 8 * 1024 * 1024;

/** A file that is looked at again and again: each look has a time, a size and a stamp. */
class Looks {
  readonly #files = new UnsettledFiles(3_000);

  constructor(readonly sizeBefore: number) {}

  at(nowMs: number, size: number, stamp = `${size}`): "ready" | number {
    const found = { path: "a", kind: "file", size, stamp, executable: false } as const;
    return this.#files.check(found, { nowMs, sizeBefore: this.sizeBefore });
  }
}

Deno.test("UnsettledFiles has a small file hashed at once", () => {
  assertEquals(new Looks(0).at(1_000, 4_096), "ready");
  assertEquals(new Looks(4_096).at(1_000, 4_097), "ready");
});

Deno.test("UnsettledFiles has a large file hashed when it held still for a while", () => {
  const looks = new Looks(0);
  assertEquals(looks.at(1_000, LARGE), 1_080);
  assertEquals(looks.at(1_010, LARGE + 1), 1_080);
  assertEquals(looks.at(1_080, LARGE + 1), 1_240);
  assertEquals(looks.at(1_240, LARGE + 1), "ready");
});

Deno.test("UnsettledFiles waits for what is written to a file that was emptied", () => {
  const looks = new Looks(5_000);
  assertEquals(looks.at(1_000, 0), 1_320);
  assertEquals(looks.at(1_005, 5_100), "ready");
  const large = new Looks(LARGE);
  assertEquals(large.at(1_000, 0), 1_320);
  assertEquals(large.at(1_005, LARGE + 1), 1_085);
  assertEquals(large.at(1_085, LARGE + 1), "ready");
});

Deno.test("UnsettledFiles waits for a file that has become smaller, and for an empty one, and not for ever", () => {
  const smaller = new Looks(5_000);
  assertEquals(smaller.at(1_000, 4_999), 1_080);
  assertEquals(smaller.at(1_080, 4_999), "ready");
  const empty = new Looks(0);
  assertEquals(empty.at(1_000, 0), 1_320);
  assertEquals(empty.at(1_320, 0), "ready");
});

Deno.test("UnsettledFiles has a file that is written all the time hashed after the longest wait", () => {
  const looks = new Looks(LARGE);
  let atMs = looks.at(0, 1);
  for (let size = 2; atMs !== "ready"; size++) {
    assertEquals(atMs <= 3_640, true, `it still waits until ${atMs}`);
    atMs = looks.at(atMs, size);
  }
});
