/** Tests of the registry: rule by rule, at its limits, and with many nodes and files. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { toHex } from "../protocol/bytes.ts";
import { ErrorCode, ProtocolError } from "../protocol/errors.ts";
import { Refusal } from "./refusal.ts";
import { HOLDING_COST, NODE_COST } from "./limits.ts";
import { SAMPLE_COUNT_MAX } from "./registry.ts";
import type { AnnouncedFile } from "./registry.ts";
import {
  allFiles,
  allNodes,
  BLOCK_SIZE,
  fileOf,
  idOf,
  join,
  NONE,
  PARTIAL,
  registryOf,
} from "./testing.ts";

function namesOf(files: readonly { readonly name: string }[]): string[] {
  return files.map(({ name }) => name);
}

function assertRefused(code: ErrorCode, action: () => void): void {
  assertEquals(assertThrows(action, Refusal).code, code);
}

Deno.test("a file is listed with its description and counts", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(5, { name: "music/a.flac", publisher: idOf(9) })]);
  registry.announce(leecher, [fileOf(5, { name: "music/a.flac", have: PARTIAL })]);
  assertEquals(allFiles(registry), [{
    id: idOf(5),
    size: 8 * BLOCK_SIZE,
    name: "music/a.flac",
    blockSize: BLOCK_SIZE,
    publisher: idOf(9),
    seeders: 1,
    leechers: 1,
  }]);
});

Deno.test("the same id with another length is another file", () => {
  const registry = registryOf();
  registry.announce(join(registry, 1), [fileOf(5), fileOf(5, { size: BLOCK_SIZE })]);
  assertEquals(registry.fileCount, 2);
});

Deno.test("files of one name are both listed", () => {
  const registry = registryOf();
  registry.announce(join(registry, 1), [fileOf(1, { name: "a" }), fileOf(2, { name: "b" })]);
  registry.announce(join(registry, 2), [fileOf(3, { name: "a" })]);
  assertEquals(allFiles(registry, "a").map(({ id }) => id), [idOf(1), idOf(3)]);
});

Deno.test("a file is listed under all its names, each as long as somebody has it so", () => {
  const registry = registryOf();
  const nodes = [1, 2, 3].map((number) => join(registry, number));
  registry.announce(nodes[0]!, [fileOf(1, { name: "first" }), fileOf(1, { name: "copy" })]);
  registry.announce(nodes[1]!, [fileOf(2, { name: "other" })]);
  registry.announce(nodes[2]!, [fileOf(1, { name: "other" })]);
  assertEquals(namesOf(allFiles(registry)), ["first", "copy", "other", "other"]);
  assertEquals(allFiles(registry, "copy"), [allFiles(registry)[1]!]);
  assertEquals(allFiles(registry, "other").map(({ id }) => id), [idOf(2), idOf(1)]);
  assertEquals(namesOf(allFiles(registry, toHex(idOf(1)))), ["first", "copy", "other"]);
  for (const { id, seeders } of allFiles(registry)) assertEquals(seeders, id[3] === 1 ? 2 : 1);
  assertEquals(allNodes(registry).map(({ fileCount }) => fileCount), [2, 1, 1]);
  registry.remove(nodes[0]!);
  assertEquals(namesOf(allFiles(registry)), ["other", "other"]);
  assertEquals(registry.fileCount, 2);
});

Deno.test("withdraw() takes a name, and the file with the last one", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  registry.announce(node, [fileOf(1, { name: "a" }), fileOf(1, { name: "b" }), fileOf(1)]);
  registry.withdraw(node, [fileOf(1, { name: "b" }), fileOf(1, { name: "b" }), fileOf(2)]);
  assertEquals(namesOf(allFiles(registry)), ["a", "file-1"]);
  registry.withdraw(node, [fileOf(1, { name: "a" })]);
  registry.withdraw(node, [fileOf(1, { name: "a" })]);
  assertEquals([registry.fileCount, node.fileCount], [1, 1]);
  registry.withdraw(node, [fileOf(1)]);
  assertEquals([registry.fileCount, node.fileCount, registry.memory], [0, 0, NODE_COST]);
});

Deno.test("a name that is withdrawn and announced again is listed last", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  registry.announce(node, ["a", "b"].map((name) => fileOf(1, { name })));
  registry.withdraw(node, [fileOf(1, { name: "a" })]);
  registry.announce(node, [fileOf(1, { name: "a" })]);
  assertEquals(namesOf(allFiles(registry)), ["b", "a"]);
});

Deno.test("a node that only reports holds a file without giving it a name", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(1, { name: "a" }), fileOf(1, { name: "b" })]);
  registry.finish(leecher, [fileOf(1)]);
  for (const { seeders } of allFiles(registry)) assertEquals(seeders, 2);
  registry.remove(seeder);
  assertEquals(allFiles(registry), []);
  assertEquals(registry.findHolders(fileOf(1), undefined).seeders, 1);
  assertEquals(leecher.fileCount, 1);
  // Its report may overtake its announcement.
  registry.announce(leecher, [fileOf(1, { name: "b" })]);
  assertEquals(namesOf(allFiles(registry)), ["b"]);
  assertEquals(leecher.fileCount, 1);
  registry.withdraw(leecher, [fileOf(1, { name: "b" })]);
  assertEquals(registry.fileCount, 0);
});

Deno.test("what a node only reported is withdrawn under any name", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(1)]);
  registry.finish(leecher, [fileOf(1)]);
  registry.withdraw(leecher, [fileOf(1, { name: "any" })]);
  assertEquals(registry.findHolders(fileOf(1), undefined).seeders, 1);
});

Deno.test("1,000 names of one content on four nodes: paging, counting and leaving", () => {
  const registry = registryOf();
  const nodes = [1, 2, 3, 4].map((number) => join(registry, number));
  const names = Array.from({ length: 1000 }, (_, i) => `folder-${i}/__init__.py`);
  const entries = names.map((name) => fileOf(1, { name, size: 0 }));
  // Each node has half of the names, and each name is on two nodes.
  for (const [i, node] of nodes.entries()) {
    const start = i * 250;
    const own = [...entries, ...entries].slice(start, start + 500);
    registry.announce(node, own.slice(0, 300));
    registry.announce(node, own.slice(200));
  }
  const listed = () => namesOf(allFiles(registry)).sort();
  assertEquals(listed(), names.toSorted());
  assertEquals(namesOf(allFiles(registry, toHex(idOf(1)))).sort(), names.toSorted());
  assertEquals(namesOf(allFiles(registry, names[999]!)), [names[999]!]);
  assertEquals(allNodes(registry).map(({ fileCount }) => fileCount), [500, 500, 500, 500]);
  const { seeders, holders } = registry.findHolders(entries[0]!, undefined);
  assertEquals([seeders, holders.length, registry.fileCount], [4, 4, 1]);

  registry.withdraw(nodes[0]!, entries.slice(0, 250));
  assertEquals(listed(), names.toSorted());
  registry.withdraw(nodes[3]!, entries.slice(0, 250));
  assertEquals(listed(), names.slice(250).sort());
  registry.remove(nodes[1]!);
  registry.remove(nodes[2]!);
  assertEquals(listed(), [...names.slice(250, 500), ...names.slice(750)].sort());
  registry.withdraw(nodes[0]!, entries);
  registry.withdraw(nodes[3]!, entries);
  assertEquals([registry.fileCount, registry.memory], [0, 2 * NODE_COST]);
});

Deno.test("50,000 names of one content do not make anything slow", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  const entries = Array.from({ length: 50_000 }, (_, i) => fileOf(1, { name: `name-${i}` }));
  registry.announce(node, entries);
  registry.announce(node, entries);
  assertEquals([node.fileCount, allFiles(registry).length], [50_000, 50_000]);
  registry.withdraw(node, entries.slice(1));
  assertEquals(namesOf(allFiles(registry)), ["name-0"]);
  registry.announce(node, entries);
  registry.remove(node);
  assertEquals([node.fileCount, registry.memory], [0, 0]);
});

Deno.test("a file is found by leading digits of its id, eight at least", () => {
  const registry = registryOf();
  registry.announce(join(registry, 1), [fileOf(0xabcdef01), fileOf(0xabcdef02)]);
  assertEquals(namesOf(allFiles(registry, "abcdef01")), [`file-${0xabcdef01}`]);
  assertEquals(allFiles(registry, "ABCDEF0100").length, 1);
  assertEquals(allFiles(registry, toHex(idOf(0xabcdef02))).length, 1);
  assertEquals(allFiles(registry, "abcdef011").length, 0);
  assertEquals(allFiles(registry, "abcdef0").length, 0);
  assertEquals(allFiles(registry, `${toHex(idOf(0xabcdef02))}00`).length, 0);
});

Deno.test("a name that looks like an id finds both", () => {
  const registry = registryOf();
  const files = [
    fileOf(0xabcdef01),
    fileOf(2, { name: "abcdef01" }),
    fileOf(0xabcdef01, { size: 1 }),
  ];
  registry.announce(join(registry, 1), files);
  assertEquals(allFiles(registry, "abcdef01").length, 3);
});

Deno.test("progress() counts the node in and answers who else holds the file", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(5)]);
  const { id, size } = fileOf(5);
  const answer = registry.progress(leecher, { id, size, have: PARTIAL });
  assertEquals(answer, {
    seeders: 1,
    leechers: 1,
    holders: [{ nodeId: idOf(1), host: "192.0.2.1", port: 1, have: new Uint8Array(0) }],
  });
  assertEquals(registry.findHolders({ id, size }, seeder).holders, [
    { nodeId: idOf(2), host: "192.0.2.1", port: 2, have: PARTIAL },
  ]);
});

Deno.test("progress() tells that a file is absent, and closes on a bitfield that does not fit", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  const { id, size } = fileOf(5);
  assertRefused(ErrorCode.absent, () => registry.progress(node, { id, size, have: NONE }));
  assertRefused(ErrorCode.absent, () => registry.finish(node, [{ id, size }]));
  assertRefused(ErrorCode.absent, () => registry.findHolders({ id, size }, node));
  registry.announce(node, [fileOf(5)]);
  const have = new Uint8Array(2);
  assertThrows(() => registry.progress(node, { id, size, have }), ProtocolError);
});

Deno.test("a node's bitfield counts in its own block size", () => {
  const registry = registryOf();
  const [first, other] = [join(registry, 1), join(registry, 2)];
  registry.announce(first, [fileOf(5, { blockSize: 8 * BLOCK_SIZE })]);
  registry.announce(other, [fileOf(5, { blockSize: BLOCK_SIZE, have: PARTIAL })]);
  const { id, size } = fileOf(5);
  registry.progress(other, { id, size, have: new Uint8Array([0xf0]) });
  assertThrows(() => registry.progress(first, { id, size, have: new Uint8Array([0xf0]) }));
});

Deno.test("finish() makes a leecher a seeder", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(5), fileOf(6)]);
  registry.announce(leecher, [fileOf(5, { have: NONE })]);
  registry.finish(leecher, [fileOf(5), fileOf(6)]);
  for (const { seeders, leechers } of allFiles(registry)) assertEquals([seeders, leechers], [2, 0]);
});

Deno.test("a file is forgotten with the last node that holds or wants it", () => {
  const registry = registryOf();
  const [seeder, leecher] = [join(registry, 1), join(registry, 2)];
  registry.announce(seeder, [fileOf(5)]);
  registry.announce(leecher, [fileOf(5, { have: NONE })]);
  registry.remove(seeder);
  assertEquals(allFiles(registry).length, 1);
  registry.withdraw(leecher, [fileOf(5), fileOf(6)]);
  assertEquals(allFiles(registry), []);
  assertEquals(allFiles(registry, "file-5"), []);
  assertEquals(registry.memory, NODE_COST);
});

Deno.test("join() forgets what the node announced before", () => {
  const registry = registryOf();
  const before = join(registry, 1);
  registry.announce(before, [fileOf(5)]);
  const again = join(registry, 1);
  assert(before.gone && !again.gone);
  assertEquals([registry.nodeCount, registry.fileCount], [1, 0]);
});

Deno.test("expire() forgets those who were not heard, and only them", () => {
  const registry = registryOf();
  const nodes = [1, 2, 3].map((number) => join(registry, number, number * 1000));
  nodes[0]!.heardMs = 5000;
  assertEquals(registry.expire(2500), [nodes[1]!]);
  assertEquals(allNodes(registry).map(({ port }) => port), [1, 3]);
});

Deno.test("announce() adds nothing when one file makes no sense", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  const bad: Partial<AnnouncedFile>[] = [
    { name: "../etc/passwd" },
    { name: "" },
    { blockSize: 12345 },
    { size: 2 ** 50 },
    { have: new Uint8Array(9) },
  ];
  for (const changes of bad) {
    assertThrows(() => registry.announce(node, [fileOf(1), fileOf(2, changes)]), ProtocolError);
    assertEquals(registry.fileCount, 0);
  }
});

Deno.test("limits: files of a node, and memory", () => {
  const few = registryOf({ filesPerNode: 2, memory: 2 ** 30 });
  const node = join(few, 1);
  assertRefused(ErrorCode.limit, () => few.announce(node, [fileOf(1), fileOf(2), fileOf(3)]));
  assertEquals([node.holdings.size, few.fileCount], [2, 2]);
  few.announce(node, [fileOf(1, { have: PARTIAL })]);
  assertRefused(ErrorCode.limit, () => few.announce(node, [fileOf(1, { name: "again" })]));
  few.announce(join(few, 2), [fileOf(4)]);
  assertRefused(ErrorCode.limit, () => few.finish(node, [fileOf(1), fileOf(4)]));

  const small = registryOf({ filesPerNode: 1000, memory: 100_000 });
  const hog = join(small, 1);
  const files = Array.from({ length: 500 }, (_, i) => fileOf(i + 1));
  assertRefused(ErrorCode.limit, () => small.announce(hog, files));
  assert(small.memory > 90_000 && small.memory <= 100_000, `${small.memory} bytes`);
  assertRefused(ErrorCode.limit, () => {
    for (let number = 2; number < 200; number++) join(small, number);
  });
  small.remove(hog);
  small.announce(join(small, 500), [fileOf(1)]);
});

Deno.test("limits: an announcement that is refused changes nothing", () => {
  const announcements = [
    { node: 0, file: fileOf(1, { name: "a" }) },
    { node: 0, file: fileOf(1, { name: "b", have: PARTIAL }) },
    { node: 1, file: fileOf(1, { name: "b" }) },
    { node: 1, file: fileOf(1, { name: "c" }) },
    { node: 1, file: fileOf(2, { name: "a", have: PARTIAL }) },
  ];
  for (let memory = 2 * NODE_COST; memory < 10_000; memory += 32) {
    const registry = registryOf({ filesPerNode: 10, memory });
    const nodes = [join(registry, 1), join(registry, 2)];
    const seen = () => [allFiles(registry), allNodes(registry), registry.memory];
    for (const { node, file } of announcements) {
      const before = seen();
      try {
        registry.announce(nodes[node]!, [file]);
      } catch (error) {
        assertEquals(error instanceof Refusal && error.code, ErrorCode.limit);
        assertEquals(seen(), before);
      }
      assert(registry.memory <= memory, `${registry.memory} bytes of ${memory}`);
    }
    for (const node of nodes) registry.remove(node);
    assertEquals(registry.memory, 0);
  }
});

Deno.test("limits: bitfields count as memory and are given back", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  registry.announce(node, [fileOf(1, { name: "a", have: NONE })]);
  const before = registry.memory;
  const { id, size } = fileOf(1);
  registry.progress(node, { id, size, have: PARTIAL });
  assertEquals(registry.memory, before + 1);
  registry.finish(node, [{ id, size }]);
  assertEquals(registry.memory, before);
  const other = join(registry, 2);
  registry.finish(other, [{ id, size }]);
  assertEquals(registry.memory, before + NODE_COST + HOLDING_COST);
});

Deno.test("10,000 nodes: paging, samples and expiry", () => {
  const registry = registryOf();
  const { id, size } = fileOf(1);
  for (let number = 1; number <= 10_000; number++) {
    const node = join(registry, number, number);
    if (number === 1) registry.announce(node, [fileOf(1)]);
    else registry.finish(node, [{ id, size }]);
  }
  assertEquals(
    allNodes(registry).map(({ port }) => port),
    Array.from({ length: 10_000 }, (_, i) => i + 1),
  );
  const { seeders, holders } = registry.findHolders({ id, size }, undefined);
  assertEquals([seeders, holders.length], [10_000, SAMPLE_COUNT_MAX]);
  assertEquals(registry.expire(9001).length, 9000);
  assertEquals(allNodes(registry).length, 1000);
});

Deno.test("10,000 files of one node, and as many of others in between: paging and leaving", () => {
  const registry = registryOf();
  const [node, other] = [join(registry, 1), join(registry, 2)];
  const name = (number: number) => `${"folder/".repeat(number % 100)}${number}`;
  for (let number = 0; number < 10_000; number += 100) {
    const page = Array.from({ length: 100 }, (_, i) => number + i);
    registry.announce(node, page.map((n) => fileOf(n, { name: name(n) })));
    registry.announce(other, page.map((n) => fileOf(100_000 + n, { name: name(n) })));
  }
  assertEquals(allFiles(registry).length, 20_000);
  assertEquals(allFiles(registry, name(1234)).length, 2);
  registry.remove(node);
  assertEquals(
    allFiles(registry).map(({ name }) => name),
    Array.from({ length: 10_000 }, (_, n) => name(n)),
  );
});

Deno.test("20,000 files with one name and one prefix do not make anything slow", () => {
  const registry = registryOf();
  const node = join(registry, 1);
  const files = Array.from({ length: 20_000 }, (_, i) => {
    const id = idOf(0xabcdef01);
    new DataView(id.buffer).setUint32(28, i);
    return fileOf(0, { id, name: "same" });
  });
  for (let i = 0; i < files.length; i += 500) registry.announce(node, files.slice(i, i + 500));
  assertEquals(allFiles(registry, "same").length, 20_000);
  assertEquals(allFiles(registry, "abcdef01").length, 20_000);
  assertEquals(allFiles(registry, toHex(files[19_999]!.id)).length, 1);
  registry.remove(node);
  assertEquals(registry.memory, 0);
});
