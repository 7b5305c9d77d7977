/**
 * Durations as people write and read them: `90`, `30s`, `1m30s` from a flag become seconds, and
 * seconds become `1m 05s` on the screen.
 */

import { printable } from "./printable.ts";

const secondsByUnit = new Map([["d", 86_400], ["h", 3600], ["m", 60], ["s", 1], ["ms", 0.001]]);
const durationPattern = /^(?:\d+(?:\.\d+)?\s*(?:ms|[dhms])\s*)+$/;
const partPattern = /(\d+(?:\.\d+)?)\s*(ms|[dhms])/g;

/**
 * Reads a duration and returns it in seconds: `30`, `0.5`, `500ms`, `1m30s`, `2h`, `1d 12h`. A bare
 * number is in seconds. Throws an `Error` that names the text and the reason.
 */
export function parseSeconds(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (!durationPattern.test(trimmed)) {
    throw new Error(
      `Cannot read duration "${printable(text)}": expected seconds or a number and a unit, ` +
        "such as 30, 500ms, 1m30s or 2h",
    );
  }
  let seconds = 0;
  for (const [, amount, unit] of trimmed.matchAll(partPattern)) {
    seconds += Number(amount) * secondsByUnit.get(unit!)!;
  }
  return seconds;
}

/**
 * Shows a duration given in seconds with its two largest units, rounded to whole seconds: `45s`,
 * `1m 05s`, `2h 03m`, `3d 04h`. What is not a finite number, such as the time left of a stalled
 * transfer, is shown as `--`.
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return twoUnits(whole, { large: 60, largeName: "m", smallName: "s" });
  if (whole < 86_400) return twoUnits(whole / 60, { large: 60, largeName: "h", smallName: "m" });
  return twoUnits(whole / 3600, { large: 24, largeName: "d", smallName: "h" });
}

/** `amount` counts the small unit, of which `large` make one of the large unit. */
function twoUnits(
  amount: number,
  { large, largeName, smallName }: { large: number; largeName: string; smallName: string },
): string {
  const whole = Math.floor(amount);
  const rest = String(whole % large).padStart(2, "0");
  return `${Math.floor(whole / large)}${largeName} ${rest}${smallName}`;
}
