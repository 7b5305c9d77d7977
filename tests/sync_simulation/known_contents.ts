/**
 * What is known of every content that users of a history have written: whether the server has acknowledged
 * it, and whether somebody who saw it gave it up.
 *
 * Contents are texts that occur once, so the text says who wrote it and when. In a large one bytes follow
 * that other large ones have as well, at other places.
 */

import { SMALL_SIZE_MAX } from "../../protocol/content_messages.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Entry } from "../../node/sync/entry.ts";
import { Dice } from "../simulation/dice.ts";
import { contentOf } from "./memory_stage.ts";

/** What large contents are made of: the same in all histories. */
const STUFF = new Dice(1).bytes(3 * SMALL_SIZE_MAX);
const STUFF_START_MAX = SMALL_SIZE_MAX / 4;
/** Ends the text of a large content; in a small one it does not occur. */
const NEWLINE = 10;

export class KnownContents {
  #count = 0;
  readonly #textOf = new Map<string, string>();
  /** How often somebody deleted or wrote over a content in a folder in which it was. */
  readonly #giveUps = new Map<string, number>();
  /** Contents that were deleted by mistake, as somebody said when asked: they must be in the folders again. */
  readonly wantedBack = new Set<string>();
  /** Contents that the server has said to have stored, since it had its index. */
  readonly stored = new Set<string>();
  /** Contents that it said so of, before it lost its index and all old versions with it. */
  readonly storedBefore = new Set<string>();

  /** A content that nobody has written before. */
  create(author: string): Uint8Array<ArrayBuffer> {
    return this.#note(new TextEncoder().encode(`${++this.#count} by ${author}`));
  }

  /** As `create`, of some blocks, parts of which other large contents have as well. */
  createLarge(author: string, dice: Dice): Uint8Array<ArrayBuffer> {
    const text = new TextEncoder().encode(`${++this.#count} by ${author}\n`);
    const start = dice.below(STUFF_START_MAX);
    const size = dice.between(SMALL_SIZE_MAX, STUFF.length - start);
    const bytes = new Uint8Array(text.length + size);
    bytes.set(text);
    bytes.set(STUFF.subarray(start, start + size), text.length);
    return this.#note(bytes);
  }

  #note(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#textOf.set(toHex(contentOf(bytes).id), textOf(bytes));
    return bytes;
  }

  /** Takes note of bytes that somebody deletes or writes over. */
  giveUp(bytes: Uint8Array): void {
    const text = textOf(bytes);
    this.#giveUps.set(text, (this.#giveUps.get(text) ?? 0) + 1);
    this.wantedBack.delete(text);
  }

  /** Whether somebody deleted a content or wrote over it, and meant it. */
  isGivenUp(text: string): boolean {
    return this.#giveUps.has(text);
  }

  /** The deletion of a content was not meant. It stays given up where it was deleted more than once. */
  takeBack(id: Uint8Array): void {
    const text = this.#textOf.get(toHex(id));
    if (text === undefined || this.#giveUps.get(text) !== 1) return;
    this.#giveUps.delete(text);
    this.wantedBack.add(text);
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

/** Bytes in a word for them: a short text as it is, a longer one with what tells whether it is whole. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length <= SMALL_SIZE_MAX) return new TextDecoder().decode(bytes);
  const text = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(NEWLINE)));
  return `${text} (${bytes.length} bytes, ${toHex(contentOf(bytes).id).slice(0, 8)})`;
}
