/** The registry and a naive model of it, through the same long random histories. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../protocol/bytes.ts";
import type { SwarmNode } from "./entries.ts";
import { Refusal } from "./refusal.ts";
import { allFiles, allNodes, fileOf, idOf, join, NONE, PARTIAL, registryOf } from "./testing.ts";

/** What a node of the model holds of a file. */
interface ModelHolding {
  have: string;
  readonly names: Set<string>;
}

/** The registry as one would write it if speed did not matter. */
class Model {
  /** Each name of each file, in the order in which they came up. */
  #listings: { readonly id: number; readonly name: string }[] = [];
  readonly nodes = new Map<number, Map<number, ModelHolding>>();

  join(node: number): void {
    this.remove(node);
    this.nodes.set(node, new Map());
  }

  remove(node: number): void {
    this.nodes.delete(node);
    this.#sweep();
  }

  announce(node: number, id: number, { have, name }: { have: string; name: string }): void {
    this.#hold(node, id, have).names.add(name);
    if (!this.#listings.some((listing) => listing.id === id && listing.name === name)) {
      this.#listings.push({ id, name });
    }
  }

  /** Answers false when nobody holds the file. */
  report(node: number, id: number, have: string): boolean {
    if (!this.isHeld(id)) return false;
    this.#hold(node, id, have);
    return true;
  }

  withdraw(node: number, id: number, name: string): void {
    const holding = this.nodes.get(node)!.get(id);
    holding?.names.delete(name);
    if (holding?.names.size === 0) this.nodes.get(node)!.delete(id);
    this.#sweep();
  }

  isHeld(id: number): boolean {
    return this.#holdings(id).length > 0;
  }

  files(match: string): unknown[] {
    return this.#listings.filter(({ id, name }) =>
      match === "" || name === match || match.length >= 8 && toHex(idOf(id)).startsWith(match)
    ).map(({ id, name }) => {
      const holdings = this.#holdings(id);
      const seeders = holdings.filter(([, { have }]) => have === "all").length;
      return { id: toHex(idOf(id)), name, seeders, leechers: holdings.length - seeders };
    });
  }

  sources(id: number, asker: number): number[] {
    return this.#holdings(id).filter(([node, { have }]) => node !== asker && have !== "none")
      .map(([node]) => node).sort((a, b) => a - b);
  }

  fileCounts(): [number, number][] {
    return [...this.nodes].map(([node, held]) => {
      const counts = [...held.values()].map(({ names }) => Math.max(1, names.size));
      return [node, counts.reduce((sum, count) => sum + count, 0)];
    });
  }

  #hold(node: number, id: number, have: string): ModelHolding {
    const holding = this.nodes.get(node)!.get(id) ?? { have, names: new Set() };
    holding.have = have;
    this.nodes.get(node)!.set(id, holding);
    return holding;
  }

  #holdings(id: number): [number, ModelHolding][] {
    return [...this.nodes].flatMap(([node, held]) => {
      const holding = held.get(id);
      return holding === undefined ? [] : [[node, holding] as [number, ModelHolding]];
    });
  }

  #sweep(): void {
    this.#listings = this.#listings.filter(({ id, name }) =>
      this.#holdings(id).some(([, { names }]) => names.has(name))
    );
  }
}

const HAVES = { all: new Uint8Array(0), some: PARTIAL, none: NONE };
const NAMES = ["a", "b", "c", "00000003"];
const FILE_COUNT = 4;

const step = fc.record({
  action: fc.constantFrom("join", "remove", "announce", "progress", "finish", "withdraw"),
  node: fc.integer({ min: 1, max: 5 }),
  file: fc.integer({ min: 1, max: FILE_COUNT }),
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
        return this.model.announce(node, file, { have, name });
      case "withdraw":
        this.registry.withdraw(known, [{ ...ref, name }]);
        return this.model.withdraw(node, file, name);
      case "progress":
        if (this.model.report(node, file, have)) {
          this.registry.progress(known, { ...ref, have: haveBits });
        } else {
          assertThrows(() => this.registry.progress(known, { ...ref, have: haveBits }), Refusal);
        }
        return;
      case "finish":
        if (this.model.report(node, file, "all")) this.registry.finish(known, [ref]);
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
      this.model.fileCounts().sort(),
    );
    for (let file = 1; file <= FILE_COUNT; file++) {
      const find = () => this.registry.findHolders(fileOf(file), this.#nodes.get(1));
      if (this.model.isHeld(file)) {
        const ports = find().holders.map(({ port }) => port).sort((a, b) => a - b);
        assertEquals(ports, this.model.sources(file, 1));
      } else {
        assertThrows(find, Refusal);
      }
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
