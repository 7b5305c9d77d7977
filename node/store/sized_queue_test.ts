import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Queued, SizedQueue } from "./sized_queue.ts";

class Item implements Queued<Item> {
  newer: Item | undefined;
  older: Item | undefined;
  constructor(readonly size: number) {}
}

Deno.test("SizedQueue behaves as a list that is appended to and removed from anywhere", () => {
  const operation = fc.record({ remove: fc.boolean(), at: fc.nat(), size: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const queue = new SizedQueue<Item>();
      const model: Item[] = [];
      for (const { remove, at, size } of operations) {
        if (remove && model.length > 0) {
          const [item] = model.splice(at % model.length, 1);
          queue.remove(item!);
        } else {
          const item = new Item(size);
          queue.add(item);
          model.push(item);
        }
        assertEquals(queue.count, model.length);
        assertEquals(queue.size, model.reduce((sum, item) => sum + item.size, 0));
        assertEquals(fromOldest(queue), model);
      }
    }),
    { seed: 1 },
  );
});

function fromOldest(queue: SizedQueue<Item>): Item[] {
  const items: Item[] = [];
  for (let item = queue.oldest; item !== undefined; item = item.newer) items.push(item);
  return items;
}
