import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../protocol/bitfield.ts";
import type { Connection } from "../../../protocol/connection.ts";
import type { Message } from "../../../protocol/messages.ts";
import { ComingContents } from "./coming_contents.ts";

const CONTENT = { id: new Uint8Array(32).fill(1), size: 10 * 256 * 1024 };

/** A device of which only is known what it was sent. */
function device(congested = false) {
  const sent: number[] = [];
  const send = (message: Message) => {
    if (message.type === "coming") sent.push(message.ready);
  };
  return { connection: { congested, send } as unknown as Connection, sent };
}

Deno.test("devices hear of a content in steps of some blocks, and of its last one", () => {
  const [sender, other, busy] = [device(), device(), device(true)];
  const have = Bitfield.none(10);
  const coming = new ComingContents({
    stage: { growing: () => ({ path: "", hashes: new Uint8Array(0), have }) },
    listeners: () => [sender, other, busy].map(({ connection }) => connection),
  });
  // The second one comes late: nothing after it counts before.
  for (const index of [0, 2, 3, 4, 1, 5, 6, 7, 9, 8]) {
    have.add(index);
    coming.grown(CONTENT, sender.connection);
  }
  coming.grown(CONTENT, sender.connection);
  assertEquals(other.sent, [5, 10]);
  assertEquals([sender.sent, busy.sent], [[], []]);
});

Deno.test("of a content that nobody works on nothing is told", () => {
  const [sender, other] = [device(), device()];
  const coming = new ComingContents({
    stage: { growing: () => undefined },
    listeners: () => [other.connection],
  });
  coming.grown(CONTENT, sender.connection);
  assertEquals(other.sent, []);
});
