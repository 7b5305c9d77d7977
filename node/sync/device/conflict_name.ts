/**
 * Names for what two devices wrote at one path: `report.conflict-laptop-1a2b3c4d.txt`.
 *
 * The digits are the first of the content's id. So the same content gets the same name again, and a
 * conflict that is resolved twice, as after a crash, leaves one copy.
 */

import { toHex } from "../../../protocol/bytes.ts";
import { utf8Size } from "../../../protocol/fields.ts";
import { COMPONENT_SIZE_MAX, NAME_SIZE_MAX } from "../../../protocol/path.ts";

/** Digits of the content's id in a name, and how many more where that name is taken. */
const DIGITS = 8;
const CONFLICT_NAME = /^(.+)\.conflict-[^/]+-[0-9a-f]{8,64}(\.[^./]*)?$/;
/** Of a device's name so many characters stand in a conflict's. */
const DEVICE_LENGTH_MAX = 32;

export interface ConflictCopy {
  /** The path that two contents claim. */
  readonly path: string;
  /** The name of the device on which one of them gets another name. */
  readonly device: string;
  /** The id of that content. */
  readonly id: Uint8Array;
}

/**
 * The name for a conflict copy. Longer and longer ones are tried as long as `isTaken`, which tells whether
 * something else has the name. Undefined where no name is free.
 */
export function conflictName(
  { path, device, id }: ConflictCopy,
  isTaken: (path: string) => boolean,
): string | undefined {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  const dot = name.lastIndexOf(".");
  // A dot in front is no extension but part of the name.
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  const digits = toHex(id);
  const safeDevice = safeName(device);
  for (let count = DIGITS; count <= digits.length; count += DIGITS) {
    const mark = `.conflict-${safeDevice}-${digits.slice(0, count)}`;
    const copy = path.slice(0, slash) + fitting(stem, mark, extension);
    if (utf8Size(copy) > NAME_SIZE_MAX) return undefined;
    if (!isTaken(copy)) return copy;
  }
  return undefined;
}

/** The path that a conflict copy was made of, undefined for any other path. */
export function originalOf(path: string): string | undefined {
  const match = CONFLICT_NAME.exec(path);
  return match === null ? undefined : `${match[1]}${match[2] ?? ""}`;
}

/** Stem, mark and extension; of a name that gets too long the stem, or the extension, is cut. */
function fitting(stem: string, mark: string, extension: string): string {
  if (utf8Size(extension) > COMPONENT_SIZE_MAX / 2) return fitting(stem + extension, mark, "");
  let kept = stem;
  while (utf8Size(kept + mark + extension) > COMPONENT_SIZE_MAX) {
    kept = [...kept].slice(0, -1).join("");
  }
  return kept + mark + extension;
}

/** The name of a device as a part of file names: whatever could be a path or mean something else is gone. */
function safeName(device: string): string {
  const safe = device.replace(/[^\p{L}\p{N}._-]/gu, "_").replace(/^\.+|\.+$/g, "");
  return [...safe].slice(0, DEVICE_LENGTH_MAX).join("") || "device";
}
