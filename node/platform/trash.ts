/** The files of old versions on the local disk: one folder, in which each file has its key for a name. */

import type { Trash } from "../sync/server/ports.ts";
import { failureOf, reasonOf } from "./disk_failure.ts";
import { kindOf, lookAt } from "./file_state.ts";

/** Files that are removed before others get their turn. */
const REMOVALS_AT_ONCE = 256;

export class LocalTrash implements Trash {
  readonly #path: string;

  /** The trash in the folder at `path`, which is made if it is missing. Throws `Cannot write into PATH: reason`. */
  constructor(path: string) {
    this.#path = path;
    try {
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
      const info = Deno.lstatSync(path);
      if (!info.isDirectory) throw new Error(`it is ${kindOf(info)}`);
    } catch (error) {
      throw new Error(failureOf(`write into ${path}`, error).error);
    }
  }

  pathOf(key: string): string {
    if (!/^[0-9a-z-]+$/.test(key)) {
      throw new Error(`Cannot keep an old version under the key ${JSON.stringify(key)}`);
    }
    return `${this.#path}/${key}`;
  }

  stampOf(key: string): string | undefined {
    return lookAt(this.pathOf(key))?.stamp;
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#path)) if (isFile) keys.push(name);
    return keys;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += REMOVALS_AT_ONCE) {
      const some = keys.slice(at, at + REMOVALS_AT_ONCE);
      await Promise.all(some.map((key) => this.#remove(key)));
    }
  }

  async #remove(key: string): Promise<void> {
    try {
      await Deno.remove(`${this.#path}/${key}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw new Error(`Cannot remove an old version: ${reasonOf(error)}`);
    }
  }
}
