/**
 * Folders that were deleted on another device and stay here, because there is something in them that is not
 * synced. They are deleted as far as sync is concerned, until something that is synced comes into them.
 */

import type { LocalSide } from "./row.ts";

/** In place of a stamp. */
export const LEFT_OVER = "left over";

/** Whether the folder at a path is only there for what is not synced. */
export function isLeftOver(local: LocalSide | undefined): boolean {
  return local?.kind === "absent" && local.stamp === LEFT_OVER;
}
