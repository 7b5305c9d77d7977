/**
 * A folder that is made because somebody is about to put something into it. If it turns out that nothing ever will be,
 * it goes again, unless somebody has put something there meanwhile.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { isThere } from "./file_state.ts";

export class MadeFolder implements Disposable {
  readonly #path: string;
  readonly #isNew: boolean;
  #isAbandoned = false;

  /** @param path A folder that is made next, or is there already. Then it stays. */
  constructor(path: string) {
    this.#path = path;
    this.#isNew = !isThere(path);
  }

  /** Nothing will be put into it. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Removes it if it was abandoned; the caller still has it locked, and uses nothing of it any more. */
  [Symbol.dispose](): void {
    if (this.#isNew && this.#isAbandoned) removeUnused(this.#path);
  }
}

/** Removes a folder with nothing in it but the private area. */
function removeUnused(path: string): void {
  try {
    if ([...Deno.readDirSync(path)].some(({ name }) => name !== PRIVATE_FOLDER)) return;
    Deno.removeSync(`${path}/${PRIVATE_FOLDER}`, { recursive: true });
  } catch {
    // There is no private area, or what cannot be removed does no harm.
  }
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody has put something into it, or took it away.
  }
}
