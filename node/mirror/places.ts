/**
 * The folders in a mirror, one for each source: whoever copies into one has it for itself. Others who want it,
 * for another order, wait in line.
 */

import { nameProblem } from "../../protocol/path.ts";
import type { MirrorSource } from "./source_text.ts";

/** The folder of a source: `ADDRESS_PORT`. Throws `Cannot mirror from HOST: reason` where that is no name. */
export function placeOf({ host, port }: Pick<MirrorSource, "host" | "port">): string {
  const place = `${host}_${port}`;
  const problem = host.includes("/") ? "it has a slash" : nameProblem(place);
  if (problem !== undefined) throw new Error(`Cannot mirror from ${host}: ${problem}`);
  return place;
}

export class Places {
  readonly #taken = new Map<string, Promise<void>>();

  /** Whether somebody has this place. */
  isTaken(place: string): boolean {
    return this.#taken.has(place);
  }

  /** Waits until the place is free and takes it, until the result is disposed of. */
  async take(place: string): Promise<Disposable> {
    while (this.#taken.has(place)) await this.#taken.get(place);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#taken.set(place, promise);
    const leave = () => {
      this.#taken.delete(place);
      resolve();
    };
    return { [Symbol.dispose]: leave };
  }
}
