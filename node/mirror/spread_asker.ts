/**
 * Asks several sources for the blocks of one content, each for the next one as soon as it has answered others.
 *
 * The first source is the one that the content is fetched for. The others help: if one of them fails, whoever
 * fetches tries again without it.
 */

import type { Answers } from "../../protocol/connection.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Asker } from "../transfer/asking.ts";

/** A source that has the content. */
interface Supplier {
  readonly asker: Asker;
  /** Requests that it has not answered to the end. */
  openCount: number;
}

/** Where a request went. */
interface Asked {
  readonly supplier: Supplier;
  readonly number: number;
}

export class SpreadAsker implements Asker {
  readonly #first: Supplier;
  #suppliers: Supplier[];
  readonly #asked = new Map<number, Asked>();
  #numberLast = 0;
  #lostCount = 0;

  constructor(first: Asker) {
    this.#first = { asker: first, openCount: 0 };
    this.#suppliers = [this.#first];
  }

  /** How many sources help now. */
  get helperCount(): number {
    return this.#suppliers.length - 1;
  }

  /** How many helpers have failed. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** Another source helps. */
  addHelper(asker: Asker): void {
    this.#suppliers.push({ asker, openCount: 0 });
  }

  /** Nobody helps any more. */
  dropHelpers(): void {
    this.#suppliers = [this.#first];
  }

  ask(message: Message, answers: Answers, timeoutMs?: number): number {
    const supplier = message.type === "getBlock" ? this.#leastBusy() : this.#first;
    const own = ++this.#numberLast;
    const number = supplier.asker.ask(message, {
      answer: (answer, chunk, chunkSize) => {
        const isLast = this.#answered(supplier, () => answers.answer(answer, chunk, chunkSize));
        if (typeof isLast !== "boolean") return isLast.then((last) => this.#note(own, last));
        return this.#note(own, isLast);
      },
      failed: (reason) => {
        this.#settle(own);
        this.#lose(supplier);
        answers.failed(reason);
      },
    }, timeoutMs);
    supplier.openCount++;
    this.#asked.set(own, { supplier, number });
    return own;
  }

  cancel(own: number): void {
    const asked = this.#asked.get(own);
    if (asked === undefined) return;
    this.#settle(own);
    asked.supplier.asker.cancel(asked.number);
  }

  #leastBusy(): Supplier {
    return this.#suppliers.reduce((best, one) => one.openCount < best.openCount ? one : best);
  }

  /** An answer that breaks the rules ends the connection that it came from. */
  #answered(
    supplier: Supplier,
    answer: () => boolean | Promise<boolean>,
  ): boolean | Promise<boolean> {
    const lose = (error: unknown): never => {
      this.#lose(supplier);
      throw error;
    };
    try {
      const isLast = answer();
      return typeof isLast === "boolean" ? isLast : isLast.catch(lose);
    } catch (error) {
      return lose(error);
    }
  }

  #note(own: number, isLast: boolean): boolean {
    if (isLast) this.#settle(own);
    return isLast;
  }

  #settle(own: number): void {
    const asked = this.#asked.get(own);
    if (asked === undefined) return;
    asked.supplier.openCount--;
    this.#asked.delete(own);
  }

  #lose(supplier: Supplier): void {
    if (supplier === this.#first || !this.#suppliers.includes(supplier)) return;
    this.#suppliers = this.#suppliers.filter((other) => other !== supplier);
    this.#lostCount++;
  }
}
