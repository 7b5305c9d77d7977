import { assertEquals } from "@std/assert";
import { settled } from "../../../protocol/testing.ts";
import type { ContentId, WantedContent } from "../../transfer/contents.ts";
import type { Growth } from "../../transfer/growth.ts";
import { ContentsAhead } from "./contents_ahead.ts";

const MIB = 1024 * 1024;
/** Contents from this number on are gone at the server. */
const GONE = 100;

/** A server's contents that come block by block as far as they have grown, and notes of what was asked for. */
function setUp({ here = [] as number[] } = {}) {
  const log: string[] = [];
  const fetchAhead = async ({ id }: ContentId, growth: Growth) => {
    log.push(`start ${id[0]}`);
    if (id[0]! >= GONE) throw new Error("it is gone");
    for (let index = 0; await growth.until(index); index++) log.push(`${id[0]}: ${index}`);
    log.push(`end ${id[0]}`);
    if (id[0] === 9) throw new Error("the disk is full");
  };
  const remote = {
    fetchAhead,
    async *fetch(wants: readonly WantedContent[]) {
      await settled();
      for (const want of wants) {
        log.push(`fetch ${want.id[0]}`);
        yield { want, reason: "absent" } as const;
      }
    },
  };
  const isHere = ({ id }: ContentId) => here.includes(id[0]!);
  const ahead = new ContentsAhead({ remote, isHere });
  const note = (number: number, ready: number, size = 10 * MIB) => {
    ahead.note({ type: "coming", id: new Uint8Array(32).fill(number), size, ready });
    return settled();
  };
  const fetch = (number: number) => {
    const want = { id: new Uint8Array(32).fill(number), size: 10 * MIB, bases: [] };
    const { signal } = new AbortController();
    return Array.fromAsync(ahead.fetch([want], { signal, durable: false }));
  };
  return { ahead, note, fetch, log };
}

Deno.test("a content that is coming is fetched as far as it goes, until it is wanted", async () => {
  const { ahead, note, fetch, log } = setUp();
  await note(1, 1);
  await note(1, 3);
  assertEquals(ahead.contents.map(({ id }) => id[0]), [1]);
  await fetch(1);
  assertEquals(log, ["start 1", "1: 0", "1: 1", "1: 2", "end 1", "fetch 1"]);
  assertEquals(ahead.contents, []);
});

Deno.test("what is small, or is here already, is not fetched ahead", async () => {
  const { note, log } = setUp({ here: [2] });
  await note(1, 1, 200 * 1024);
  await note(2, 1);
  assertEquals(log, []);
});

Deno.test("no more than two contents are fetched ahead at once", async () => {
  const { ahead, note, log } = setUp();
  for (const number of [1, 2, 3]) await note(number, 0);
  assertEquals(log, ["start 1", "start 2"]);
  assertEquals(ahead.contents.length, 2);
});

Deno.test("what could not be fetched ahead is not tried again before it is wanted", async () => {
  const { ahead, note, fetch, log } = setUp();
  await note(9, 0);
  await fetch(9);
  await note(9, 0);
  ahead[Symbol.dispose]();
  await settled();
  assertEquals(log, ["start 9", "end 9", "fetch 9", "start 9", "end 9"]);
  await note(9, 0);
  await note(8, 0);
  assertEquals(log.length, 5);
});

Deno.test("only so many contents are remembered that were fetched ahead and are not wanted", async () => {
  const { ahead, note } = setUp();
  for (let number = GONE; number < GONE + 50; number++) await note(number, 0);
  assertEquals(ahead.contents.map(({ id }) => id[0]! - GONE), [...Array(50).keys()].slice(-16));
});
