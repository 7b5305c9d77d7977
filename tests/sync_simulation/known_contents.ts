/**
 * What is known of every content that users of a history have written: whether the server has acknowledged
 * it, and whether somebody who saw it gave it up.
 *
 * Contents are texts that occur once, so the text says who wrote it and when.
 */

import { toHex } from "../../protocol/bytes.ts";
import type { Entry } from "../../node/sync/entry.ts";
import { contentOf } from "./memory_stage.ts";

export class KnownContents {
  #count = 0;
  readonly #textOf = new Map<string, string>();
  /** Contents that somebody deleted or wrote over, in a folder in which they were. */
  readonly givenUp = new Set<string>();
  /** Contents that the server has said to have stored, since it had its index. */
  readonly stored = new Set<string>();
  /** Contents that it said so of, before it lost its index and all old versions with it. */
  readonly storedBefore = new Set<string>();

  /** A text that nobody has written before. */
  create(author: string): Uint8Array<ArrayBuffer> {
    const text = `${++this.#count} by ${author}`;
    const bytes = new TextEncoder().encode(text);
    this.#textOf.set(toHex(contentOf(bytes).id), text);
    return bytes;
  }

  /** Takes note of bytes that somebody deletes or writes over. */
  giveUp(bytes: Uint8Array): void {
    this.givenUp.add(textOf(bytes));
  }

  /** Takes note of what the server has acknowledged. */
  acknowledge({ kind, id }: Entry): void {
    const text = kind === "file" ? this.#textOf.get(toHex(id)) : undefined;
    if (text !== undefined) this.stored.add(text);
  }

  /** The server's index is lost. */
  forgetVersions(): void {
    for (const text of this.stored) this.storedBefore.add(text);
    this.stored.clear();
  }
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
