/**
 * Byte sizes and byte rates as people write and read them: `256MiB` from a flag becomes a number,
 * a number becomes `256 MiB` on the screen.
 *
 * Units follow IEC 80000-13: `KiB`, `MiB`, `GiB`, `TiB` are powers of 1024, `kB`, `MB`, `GB`, `TB`
 * powers of 1000. A bare letter (`10M`) means the power of 1024, as it does for rsync, aria2 and
 * dd.
 */

import { printable } from "./printable.ts";

const unitByName = new Map<string, number>([["", 1], ["b", 1]]);
["k", "m", "g", "t", "p"].forEach((letter, index) => {
  unitByName.set(letter, 1024 ** (index + 1));
  unitByName.set(`${letter}ib`, 1024 ** (index + 1));
  unitByName.set(`${letter}b`, 1000 ** (index + 1));
});

const unitNames = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const sizePattern = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i;

/**
 * Reads a size in bytes: `4096`, `256MiB`, `10M`, `1.5 GB`. Upper and lower case do not matter.
 * A fraction of a byte is rounded away. Throws an `Error` that names the text and the reason.
 */
export function parseSize(text: string): number {
  const [, amount, unitName] = sizePattern.exec(text.trim()) ?? [];
  if (amount === undefined || unitName === undefined) {
    throw sizeError(text, "expected a number and a unit, such as 4096, 256MiB or 1.5GB");
  }
  const unit = unitByName.get(unitName.toLowerCase());
  if (unit === undefined) {
    throw sizeError(text, `unknown unit "${unitName}" (use B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)`);
  }
  const bytes = Math.round(Number(amount) * unit);
  if (!Number.isSafeInteger(bytes)) throw sizeError(text, "it is larger than 8 PiB");
  return bytes;
}

function sizeError(text: string, reason: string): Error {
  return new Error(`Cannot read size "${printable(text)}": ${reason}`);
}

/**
 * Shows a size of `bytes` in at most eight columns: `0 B`, `999 B`, `1.5 KiB`, `256 MiB`. The
 * decimal is left out where the value is exact without it, so `10 MiB` is 10 MiB to the byte and
 * `10.0 MiB` is not.
 */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.5 would be rounded up to a 1024 of the smaller unit.
  while (value >= 1023.5 && unit < unitNames.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = Number.isInteger(value) || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(unit === 0 ? 0 : digits)} ${unitNames[unit]}`;
}

/** Shows a rate given in bytes per second: `12.5 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(Math.round(bytesPerSecond))}/s`;
}
