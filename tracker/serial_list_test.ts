/** Tests of the paged list, against one that is searched from the front. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SerialList } from "./serial_list.ts";
import "../protocol/testing.ts";

interface Item {
  readonly serial: number;
  gone: boolean;
}

function listOf(count: number): { list: SerialList<Item>; items: Item[] } {
  const list = new SerialList<Item>();
  const items = Array.from({ length: count }, (_, i) => ({ serial: i + 1, gone: false }));
  for (const item of items) list.add(item);
  return { list, items };
}

function drop(list: SerialList<Item>, item: Item): void {
  item.gone = true;
  list.forget();
}

/** The serial numbers of all items, read page by page. */
function readAll(list: SerialList<Item>, countMax: number): number[] {
  const serials: number[] = [];
  let after = 0;
  do {
    const { items, next } = list.page(after, countMax);
    assert(items.length <= countMax);
    assert(next === 0 || next > after, "the cursor does not move");
    serials.push(...items.map(({ serial }) => serial));
    after = next;
  } while (after !== 0);
  return serials;
}

Deno.test("SerialList answers every item once, in order, however it is paged", () => {
  fc.assert(fc.property(
    fc.array(fc.nat(), { maxLength: 600, size: "max" }),
    fc.integer({ min: 1, max: 40 }),
    (steps, countMax) => {
      const list = new SerialList<Item>();
      const expected: Item[] = [];
      for (const [i, choice] of steps.entries()) {
        if (choice % 3 > 0) {
          const item = { serial: 1 + 2 * i, gone: false };
          list.add(item);
          expected.push(item);
        } else if (expected.length > 0) {
          drop(list, expected.splice(choice % expected.length, 1)[0]!);
        }
      }
      assertEquals(readAll(list, countMax), expected.map(({ serial }) => serial));
      assertEquals(list.size, expected.length);
    },
  ));
});

Deno.test("SerialList.page() goes on where it was when items before it go", () => {
  const { list, items } = listOf(200);
  const first = list.page(0, 100);
  for (const item of items.slice(0, 99)) drop(list, item);
  assertEquals(first.next, 100);
  assertEquals(list.page(first.next, 1000).items, items.slice(100));
});

Deno.test("SerialList.page() does not look at everything at once when nothing is accepted", () => {
  const { list } = listOf(10_000);
  let examined = 0;
  const page = list.page(0, 10, () => {
    examined++;
    return false;
  });
  assertEquals(page.items, []);
  assert(examined < 5000, `${examined} items were examined`);
  assertEquals(page.next, examined);
});

Deno.test("SerialList.page() ends with 0, also after the last item and on an empty list", () => {
  const { list } = listOf(3);
  assertEquals(list.page(0, 3).next, 0);
  assertEquals(list.page(3, 3), { items: [], next: 0 });
  assertEquals(new SerialList<Item>().page(0, 3), { items: [], next: 0 });
});

Deno.test("SerialList takes linear time for removing everything", () => {
  const { list, items } = listOf(200_000);
  for (const item of items) drop(list, item);
  assertEquals(list.size, 0);
  assertEquals(list.page(0, 10), { items: [], next: 0 });
});
