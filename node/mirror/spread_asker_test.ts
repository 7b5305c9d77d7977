import { assertEquals, assertThrows } from "@std/assert";
import type { Answers } from "../../protocol/connection.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Asker } from "../transfer/asking.ts";
import { SpreadAsker } from "./spread_asker.ts";

const noChunk = { readChunk: () => Promise.resolve() } as Parameters<Answers["answer"]>[1];

/** Takes requests, and answers when the test says so. */
class FakeAsker implements Asker {
  readonly open = new Map<number, { readonly message: Message; readonly answers: Answers }>();
  readonly cancelled: number[] = [];
  #last = 100;

  ask(message: Message, answers: Answers): number {
    this.open.set(++this.#last, { message, answers });
    return this.#last;
  }

  cancel(number: number): void {
    this.cancelled.push(number);
  }

  /** Ends its oldest request. */
  end(how: (answers: Answers) => unknown): void {
    const [number, { answers }] = [...this.open][0]!;
    this.open.delete(number);
    how(answers);
  }

  get indexes(): unknown[] {
    return [...this.open.values()].map(({ message }) =>
      "index" in message ? message.index : message.type
    );
  }
}

const content = { id: new Uint8Array(32), size: 1 << 20 };
const answersNothing: Answers = { answer: () => true, failed: () => {} };

function askForBlock(asker: Asker, index: number, answers = answersNothing): number {
  return asker.ask({ type: "getBlock", ...content, index }, answers);
}

Deno.test("SpreadAsker asks all sources for blocks, and the first one for everything else", () => {
  const [first, helper] = [new FakeAsker(), new FakeAsker()];
  const spread = new SpreadAsker(first);
  spread.addHelper(helper);
  for (let index = 0; index < 4; index++) askForBlock(spread, index);
  spread.ask({ type: "getHashes", ...content }, answersNothing);
  assertEquals([first.indexes, helper.indexes], [[0, 2, "getHashes"], [1, 3]]);
});

Deno.test("SpreadAsker asks a source that answers sooner for more", () => {
  const [first, helper] = [new FakeAsker(), new FakeAsker()];
  const spread = new SpreadAsker(first);
  spread.addHelper(helper);
  for (let index = 0; index < 2; index++) askForBlock(spread, index);
  for (let index = 2; index < 5; index++) {
    helper.end((answers) => answers.answer({ type: "blockData", offset: 0 }, noChunk, 0));
    askForBlock(spread, index);
  }
  assertEquals([first.indexes, helper.indexes], [[0], [4]]);
});

Deno.test("SpreadAsker tells of a helper that failed, and asks it for nothing more", () => {
  const [first, helper] = [new FakeAsker(), new FakeAsker()];
  const spread = new SpreadAsker(first);
  spread.addHelper(helper);
  const reasons: string[] = [];
  const answers = { answer: () => true, failed: ({ message }: Error) => reasons.push(message) };
  for (let index = 0; index < 2; index++) askForBlock(spread, index, answers);
  helper.end((answers) => answers.failed(new Error("gone")));
  assertEquals([reasons, spread.lostCount, spread.helperCount], [["gone"], 1, 0]);
  for (let index = 2; index < 4; index++) askForBlock(spread, index);
  assertEquals(first.indexes, [0, 2, 3]);
  first.end((answers) => answers.failed(new Error("gone as well")));
  assertEquals(spread.lostCount, 1);
});

Deno.test("SpreadAsker counts a helper as failed whose answer is refused", () => {
  const [first, helper] = [new FakeAsker(), new FakeAsker()];
  const spread = new SpreadAsker(first);
  spread.addHelper(helper);
  const refuses: Answers = {
    answer: () => {
      throw new Error("makes no sense");
    },
    failed: () => {},
  };
  for (let index = 0; index < 2; index++) askForBlock(spread, index, refuses);
  assertThrows(
    () => helper.end((answers) => answers.answer({ type: "ok" }, noChunk, 0)),
    Error,
    "makes no sense",
  );
  assertEquals([spread.lostCount, spread.helperCount], [1, 0]);
});

Deno.test("SpreadAsker cancels a request where it went", () => {
  const [first, helper] = [new FakeAsker(), new FakeAsker()];
  const spread = new SpreadAsker(first);
  spread.addHelper(helper);
  const numbers = [0, 1].map((index) => askForBlock(spread, index));
  spread.cancel(numbers[1]!);
  spread.cancel(numbers[1]!);
  assertEquals([first.cancelled, helper.cancelled], [[], [101]]);
  askForBlock(spread, 2);
  assertEquals(helper.indexes, [1, 2]);
});
