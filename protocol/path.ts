/**
 * Names of files in the swarm, and paths from the wire in general: the one place that decides which are
 * safe. A name is a relative path in canonical form with `/` between its components.
 */

import { ErrorCode, ProtocolError } from "./errors.ts";
import { utf8Size } from "./fields.ts";

/** A whole name, in bytes of UTF-8. */
export const NAME_SIZE_MAX = 1024;
/** One component; what common file systems take. */
export const COMPONENT_SIZE_MAX = 255;
/** The folder that p2pnode keeps for itself in each shared folder. No name leads into it. */
export const PRIVATE_FOLDER = ".p2pnode";

/** Nearly all names: short, of harmless ASCII characters, no component with a dot in front. */
const PLAIN_NAME = /^[\w-][\w .-]*(?:\/[\w-][\w .-]*)*$/;

/**
 * Why `path` is no safe name, or `undefined` when it is one. Safe means: relative, no empty, `.` or `..`
 * component, no control character or lone surrogate, no backslash, nothing in p2pnode's private folder,
 * and within the limits of length.
 */
export function nameProblem(path: string): string | undefined {
  if (path.length <= COMPONENT_SIZE_MAX && PLAIN_NAME.test(path)) return undefined;
  if (path === "") return "it is empty";
  if (!path.isWellFormed()) return "it is not Unicode";
  // deno-lint-ignore no-control-regex -- finding control characters is the point
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return "it has a control character";
  if (path.includes("\\")) return "it has a backslash";
  if (path.startsWith("/")) return "it is absolute";
  if (utf8Size(path) > NAME_SIZE_MAX) return `it is longer than ${NAME_SIZE_MAX} bytes`;
  for (const component of path.split("/")) {
    if (component === "") return "it has an empty component";
    if (component === "." || component === "..") return `it has the component "${component}"`;
    if (component.toLowerCase() === PRIVATE_FOLDER) return `${PRIVATE_FOLDER} is p2pnode's own`;
    if (utf8Size(component) > COMPONENT_SIZE_MAX) {
      return `a component is longer than ${COMPONENT_SIZE_MAX} bytes`;
    }
  }
  return undefined;
}

/** Answers `path` when it is a safe name. Throws a `ProtocolError` otherwise. */
export function checkName(path: string): string {
  const problem = nameProblem(path);
  if (problem !== undefined) {
    throw new ProtocolError(
      ErrorCode.malformed,
      `Cannot use the name ${JSON.stringify(path.slice(0, 80))}: ${problem}`,
    );
  }
  return path;
}

/** The folder that what is at `path` is in, "" for the top. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last part of `path`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The folders that what is at `path` is in, the outermost first, without the top. */
export function foldersAbove(path: string): string[] {
  const above: string[] = [];
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
    above.push(path.slice(0, end));
  }
  return above;
}

/** Whether `path` is that of a folder, or of something in it; "" is the folder at the top. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

/** Whether `path` is that of one of many folders, or of something in one; "" among them is the folder at the top. */
export function isAtOrBelowAny(
  path: string,
  folders: { readonly size: number; has(folder: string): boolean },
): boolean {
  if (folders.size === 0) return false;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (folders.has(path.slice(0, end))) return true;
  }
  return folders.has("");
}
