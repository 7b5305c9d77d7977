import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { formatDuration, parseSeconds } from "./duration.ts";

Deno.test("parseSeconds() reads bare seconds and units", () => {
  const durations: [string, number][] = [
    ["0", 0],
    ["30", 30],
    ["0.5", 0.5],
    ["30s", 30],
    ["500ms", 0.5],
    ["1m30s", 90],
    ["1m 05s", 65],
    ["2h", 7200],
    ["1d 12h", 129_600],
  ];
  for (const [text, seconds] of durations) assertAlmostEquals(parseSeconds(text), seconds);
});

Deno.test("parseSeconds() refuses what is not a duration and says why", () => {
  for (const text of ["", "s", "-1", "5 min", "1e3", "30 s x", "Infinity", "1m30"]) {
    assertThrows(() => parseSeconds(text), Error, `Cannot read duration "${text}"`);
  }
});

Deno.test("formatDuration() shows the two largest units", () => {
  const durations: [number, string][] = [
    [0, "0s"],
    [-3, "0s"],
    [0.4, "0s"],
    [45, "45s"],
    [59.6, "1m 00s"],
    [65, "1m 05s"],
    [3599, "59m 59s"],
    [3599.7, "1h 00m"],
    [7380, "2h 03m"],
    [86_400 * 3 + 3600 * 4, "3d 04h"],
    [Infinity, "--"],
    [NaN, "--"],
  ];
  for (const [seconds, text] of durations) assertEquals(formatDuration(seconds), text);
});
