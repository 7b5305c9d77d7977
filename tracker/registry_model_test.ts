/** The registry and a naive model of it, through the same long random histories. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../protocol/bytes.ts";
import type { SwarmNode } from "./entries.ts";
import { Refusal } from "./refusal.ts";
import { allFiles, allNodes, fileOf, idOf, join, NONE, PARTIAL, registryOf } from "./testing.ts";

/** The registry as one would write it if speed did not matter. */
class Model {
  readonly #files: { readonly id: number; readonly names: string[] }[] = [];
  readonly nodes = new Map<number, Map<number, string>>();

  join(node: number): void {
    this.remove(node);
    this.nodes.set(node, new Map());
  }

  remove(node: number): void {
    this.nodes.delete(node);
    this.#sweep();
  }

  hold(node: number, id: number, { have, name }: { have: string; name?: string }): boolean {
    let file = this.#files.find((file) => file.id === id);
    if (file === undefined && name === undefined) return false;
    if (file === undefined) this.#files.push(file = { id, names: [] });
    if (name !== undefined && !file.names.includes(name)) file.names.push(name);
    this.nodes.get(node)!.set(id, have);
    return true;
  }

  withdraw(node: number, id: number): void {
    this.nodes.get(node)!.delete(id);
    this.#sweep();
  }

  files(match: string): unknown[] {
    return this.#files.filter(({ id, names }) =>
      match === "" || names.includes(match) ||
      match.length >= 8 && toHex(idOf(id)).startsWith(match)
    ).map(({ id, names }) => {
      const all = this.#holders(id);
      const seeders = all.filter(([, have]) => have === "all").length;
      return { id: toHex(idOf(id)), name: names[0]!, seeders, leechers: all.length - seeders };
    });
  }

  sources(id: number, asker: number): number[] {
    return this.#holders(id).filter(([node, have]) => node !== asker && have !== "none")
      .map(([node]) => node).sort((a, b) => a - b);
  }

  #holders(id: number): [number, string][] {
    return [...this.nodes].flatMap(([node, held]) => {
      const have = held.get(id);
      return have === undefined ? [] : [[node, have] as [number, string]];
    });
  }

  #sweep(): void {
    for (let i = this.#files.length - 1; i >= 0; i--) {
      if (this.#holders(this.#files[i]!.id).length === 0) this.#files.splice(i, 1);
    }
  }
}

const HAVES = { all: new Uint8Array(0), some: PARTIAL, none: NONE };
const NAMES = ["a", "b", "00000003"];

const step = fc.record({
  action: fc.constantFrom("join", "remove", "announce", "progress", "finish", "withdraw"),
  node: fc.integer({ min: 1, max: 5 }),
  file: fc.integer({ min: 1, max: 6 }),
  name: fc.constantFrom(...NAMES),
  have: fc.constantFrom("all", "some", "none"),
}, { noNullPrototype: true });

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Registry and model side by side. */
class Pair {
  readonly registry = registryOf();
  readonly model = new Model();
  readonly #nodes = new Map<number, SwarmNode>();

  take({ action, node, file, name, have }: Step): void {
    const known = this.#nodes.get(node);
    if (action === "join") {
      this.#nodes.set(node, join(this.registry, node));
      return this.model.join(node);
    }
    if (known === undefined) return;
    const ref = fileOf(file);
    const haveBits = HAVES[have as keyof typeof HAVES];
    switch (action) {
      case "remove":
        this.registry.remove(known);
        this.#nodes.delete(node);
        return this.model.remove(node);
      case "announce":
        this.registry.announce(known, [fileOf(file, { name, have: haveBits })]);
        this.model.hold(node, file, { have, name });
        return;
      case "withdraw":
        this.registry.withdraw(known, [ref]);
        return this.model.withdraw(node, file);
      case "progress":
        if (this.model.hold(node, file, { have })) {
          this.registry.progress(known, { ...ref, have: haveBits });
        } else {
          assertThrows(() => this.registry.progress(known, { ...ref, have: haveBits }), Refusal);
        }
        return;
      case "finish":
        if (this.model.hold(node, file, { have: "all" })) this.registry.finish(known, [ref]);
        else assertThrows(() => this.registry.finish(known, [ref]), Refusal);
    }
  }

  check(): void {
    for (const match of ["", ...NAMES]) {
      const files = allFiles(this.registry, match).map(({ id, name, seeders, leechers }) => {
        return { id: toHex(id), name, seeders, leechers };
      });
      assertEquals(files, this.model.files(match));
    }
    assertEquals(
      allNodes(this.registry).map(({ port, fileCount }) => [port, fileCount]).sort(),
      [...this.model.nodes].map(([node, held]) => [node, held.size]).sort(),
    );
    for (const { id, size } of allFiles(this.registry)) {
      const { holders } = this.registry.findHolders({ id, size }, this.#nodes.get(1));
      const number = new DataView(id.buffer, id.byteOffset).getUint32(0);
      const ports = holders.map(({ port }) => port).sort((a, b) => a - b);
      assertEquals(ports, this.model.sources(number, 1));
    }
  }
}

Deno.test("Registry does what the naive model does, whatever happens", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const pair = new Pair();
      for (const one of steps) {
        pair.take(one);
        pair.check();
      }
      for (let node = 1; node <= 5; node++) pair.take({ ...steps[0]!, action: "remove", node });
      assertEquals([pair.registry.memory, pair.registry.fileCount], [0, 0]);
    }),
    { numRuns: 150 },
  );
});
