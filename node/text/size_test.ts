import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { formatRate, formatSize, parseSize } from "./size.ts";

Deno.test("parseSize() reads plain bytes, binary, decimal and one-letter units", () => {
  const sizes: [string, number][] = [
    ["0", 0],
    ["4096", 4096],
    ["17B", 17],
    ["256MiB", 256 * 1024 ** 2],
    ["10mib", 10 * 1024 ** 2],
    ["10M", 10 * 1024 ** 2],
    ["1.5 GB", 1_500_000_000],
    ["1kB", 1000],
    [" 2 TiB ", 2 * 1024 ** 4],
    ["0.5K", 512],
    ["1.0000001", 1],
  ];
  for (const [text, bytes] of sizes) assertEquals(parseSize(text), bytes, text);
});

Deno.test("parseSize() refuses what is not a size and says why", () => {
  for (
    const text of ["", "MiB", "-1", "1e9", "0x10", "1,5 GB", "1.GB", ".5GB", "1 2", "٣", "NaN"]
  ) {
    assertThrows(() => parseSize(text), Error, `Cannot read size "${text}": expected a number`);
  }
  assertThrows(() => parseSize("5 parsecs"), Error, 'unknown unit "parsecs"');
  assertThrows(() => parseSize("9000PiB"), Error, "larger than");
  assertThrows(() => parseSize("1\x1b[2J"), Error, 'Cannot read size "1\\x1b[2J"');
});

Deno.test("formatSize() shows exact values without decimals", () => {
  const sizes: [number, string][] = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [10 * 1024 ** 2, "10 MiB"],
    [10 * 1024 ** 2 + 1, "10.0 MiB"],
    [256 * 1024 ** 2, "256 MiB"],
    [1024 ** 3 - 1, "1.0 GiB"],
    [99.96 * 1024, "100 KiB"],
    [Number.MAX_SAFE_INTEGER, "8.0 PiB"],
  ];
  for (const [bytes, text] of sizes) assertEquals(formatSize(bytes), text);
});

Deno.test("formatSize() is read back within its own precision and stays narrow", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      const text = formatSize(bytes);
      const back = text === "8.0 PiB" ? bytes : parseSize(text);
      return text.length <= 8 && Math.abs(back - bytes) <= bytes * 0.05;
    }),
    { seed: 1 },
  );
});

Deno.test("formatRate() rounds to whole bytes", () => {
  assertEquals(formatRate(12.4), "12 B/s");
  assertEquals(formatRate(12.5 * 1024 ** 2), "12.5 MiB/s");
});
