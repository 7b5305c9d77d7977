/**
 * The stream of the server's changes down: always has one request open, which the server answers as soon as
 * there is something to tell, and saves what comes together with how far it goes.
 */

import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { fromWire } from "../entry.ts";
import { compareVersions } from "../version.ts";
import { Bell } from "./bell.ts";
import type { Row } from "./row.ts";
import type { SessionContext } from "./session_context.ts";

/** The server answers after some seconds even if there is nothing to tell. */
const POLL_TIMEOUT_MS = 60_000;

export class Pulls {
  /** Rings when the list of the server's changes was heard to its end. */
  readonly bell = new Bell();
  readonly #context: SessionContext;
  readonly #target: number;
  #isListed = false;

  /** @param target The server's sequence number when this device joined. */
  constructor(context: SessionContext, target: number) {
    this.#context = context;
    this.#target = target;
  }

  /** Whether all is known that the server had to tell when this device joined. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** Asks until the connection ends, and throws then. */
  async run(): Promise<void> {
    const { connection, ledger: { index } } = this.#context;
    this.#noteListed();
    const ask = (after: number) =>
      connection.request({ type: "getEntries", after }, "entries", POLL_TIMEOUT_MS);
    for (let answer = ask(index.position.after);;) {
      const page = await answer;
      // The next page is on its way while this one is saved.
      answer = ask(page.sequence);
      answer.catch(() => {});
      this.#take(page);
    }
  }

  #take({ entries, sequence }: MessageOf<"entries">): void {
    const { ledger } = this.#context;
    const { position } = ledger.index;
    if (sequence < position.after) {
      throw new ProtocolError(ErrorCode.unexpected, "Cannot take entries: they go backwards");
    }
    const rows: Row[] = [];
    for (const wire of entries) {
      const { path, ...remote } = fromWire(wire);
      const row = ledger.row(path);
      if (isNews(remote.version, row.remote?.version)) rows.push({ ...row, remote });
    }
    if (sequence !== position.after) ledger.save(rows, { ...position, after: sequence });
    this.#noteListed();
  }

  #noteListed(): void {
    const { ledger: { index: { position } }, observe } = this.#context;
    if (this.#isListed || position.after < this.#target) return;
    this.#isListed = true;
    observe({ kind: "listed" });
    this.bell.ring();
  }
}

/** The server may have told of a change before, as the answer to a request. */
function isNews(version: string, known: string | undefined): boolean {
  if (known === undefined) return true;
  const relation = compareVersions(version, known);
  return relation === "follows" || relation === "concurrent";
}
