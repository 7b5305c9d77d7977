/** Tests of the state file: what comes back, after which ends, and what is refused. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { toHex } from "../protocol/bytes.ts";
import { seededRandom } from "../protocol/testing.ts";
import { Registry } from "./registry.ts";
import { StateFile } from "./state.ts";
import { allFiles, allNodes, BLOCK_SIZE, fileOf, join, NONE, PARTIAL } from "./testing.ts";

const noPause = () => Promise.resolve();

/** A folder that is removed at the end. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Copies a state file as it is on disk at this moment: what a killed process leaves behind. */
  snapshot(from: string, to: string): string {
    for (const suffix of ["", "-wal"]) {
      Deno.copyFileSync(this.file(from) + suffix, this.file(to) + suffix);
    }
    return this.file(to);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function open(path: string): { state: StateFile; registry: Registry; log: string[] } {
  const log: string[] = [];
  const state = StateFile.open(path, (line) => log.push(line));
  const registry = new Registry({ random: seededRandom(1), observer: state.changes });
  state.load(registry);
  return { state, registry, log };
}

/** All that can be seen of a registry. Files are listed in another order when they come back. */
function contents(registry: Registry): unknown {
  const key = ({ id, name }: { id: Uint8Array; name: string }) => `${toHex(id)} ${name}`;
  const files = allFiles(registry).sort((a, b) => key(a) < key(b) ? -1 : 1);
  return {
    nodes: allNodes(registry),
    files,
    holders: files.map((file) => {
      const { holders, ...counts } = registry.findHolders(file, undefined);
      return { ...counts, holders: holders.toSorted((a, b) => a.port - b.port) };
    }),
    memory: registry.memory,
  };
}

/** Nodes and files of all kinds, some of which have come and gone. */
function fill(registry: Registry): void {
  const [a, b, gone] = [join(registry, 1), join(registry, 2), join(registry, 3)];
  registry.announce(a, [fileOf(1), fileOf(2, { name: "folder/ü.txt" }), fileOf(3, { size: 0 })]);
  registry.announce(b, [fileOf(1, { have: PARTIAL }), fileOf(2, { name: "other", have: NONE })]);
  registry.announce(gone, [fileOf(1), fileOf(4)]);
  registry.announce(b, [fileOf(5, { blockSize: 2 * BLOCK_SIZE, have: new Uint8Array([0x50]) })]);
  registry.remove(gone);
  registry.withdraw(a, [fileOf(3, { size: 0 })]);
  // One content with several names, one of which is gone, and one of which nobody knows the name any more.
  registry.announce(a, ["copy", "old", "copy of copy"].map((name) => fileOf(2, { name })));
  registry.withdraw(a, [fileOf(2, { name: "old" })]);
  registry.announce(a, [fileOf(6)]);
  registry.finish(b, [fileOf(6)]);
  registry.withdraw(a, [fileOf(6)]);
}

Deno.test("a registry comes back as it was", async () => {
  using folder = new Folder();
  const first = open(folder.file("state"));
  fill(first.registry);
  const before = contents(first.registry);
  await first.state[Symbol.asyncDispose]();
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["state"]);

  const second = open(folder.file("state"));
  assertEquals(contents(second.registry), before);
  assertEquals(allFiles(second.registry, "other").length, 1);
  assertEquals(second.registry.findHolders(fileOf(6), undefined).seeders, 1);
  // New entries come after those that were restored, and restored bitfields count in their blocks.
  second.registry.announce(join(second.registry, 9), [fileOf(9)]);
  assertEquals(allFiles(second.registry).at(-1)!.name, "file-9");
  await second.state[Symbol.asyncDispose]();
});

Deno.test("what was saved survives a kill, whatever was written since", async () => {
  using folder = new Folder();
  const { state, registry } = open(folder.file("state"));
  fill(registry);
  await state.save(noPause);
  const before = contents(registry);
  registry.announce(join(registry, 7), Array.from({ length: 500 }, (_, i) => fileOf(100 + i)));
  // Killed in the middle of a save: some rows are written, nothing is committed.
  let killed = "";
  await state.save(() => {
    if (killed === "") killed = folder.snapshot("state", "killed");
    return Promise.resolve();
  });
  assert(killed !== "", "the save was too short to be interrupted");
  await state[Symbol.asyncDispose]();

  const restored = open(killed);
  assertEquals(contents(restored.registry), before);
  await restored.state[Symbol.asyncDispose]();
});

Deno.test("changes while a save is under way are in the next one", async () => {
  using folder = new Folder();
  const { state, registry } = open(folder.file("state"));
  const node = join(registry, 1);
  registry.announce(node, Array.from({ length: 512 }, (_, i) => fileOf(i)));
  registry.announce(join(registry, 2), [fileOf(0), fileOf(1)]);
  let interrupted = false;
  await state.save(() => {
    interrupted = true;
    if (node.gone) return Promise.resolve();
    registry.remove(node);
    fill(registry);
    return Promise.resolve();
  });
  assert(interrupted, "the save was too short to be interrupted");
  const before = contents(registry);
  await state[Symbol.asyncDispose]();
  const restored = open(folder.file("state"));
  assertEquals(contents(restored.registry), before);
  await restored.state[Symbol.asyncDispose]();
});

Deno.test("random histories come back, saved at random moments", async () => {
  using folder = new Folder();
  const random = seededRandom(3);
  const below = (count: number) => Math.floor(random() * count);
  const someFile = () => {
    const have = [NONE, PARTIAL, new Uint8Array(0)][below(3)]!;
    return fileOf(below(8), { have, name: `name-${below(3)}` });
  };
  let { state, registry } = open(folder.file("state"));
  for (let round = 0; round < 30; round++) {
    const nodes = Array.from({ length: 6 }, (_, i) => join(registry, 1 + i));
    for (let step = 0; step < 40; step++) {
      const number = below(6);
      const node = nodes[number]!.gone || below(8) === 0
        ? nodes[number] = join(registry, 1 + number)
        : nodes[number]!;
      registry.announce(node, [someFile(), someFile()]);
      if (below(2) === 0) registry.withdraw(node, [someFile(), someFile(), someFile()]);
      if (below(8) === 0) registry.remove(node);
      if (below(5) === 0) await state.save(noPause);
    }
    const before = contents(registry);
    await state[Symbol.asyncDispose]();
    ({ state, registry } = open(folder.file("state")));
    assertEquals(contents(registry), before, `round ${round}`);
  }
  await state[Symbol.asyncDispose]();
});

Deno.test("many names of one content come and go, and leave nothing behind", async () => {
  using folder = new Folder();
  const path = folder.file("state");
  const entries = Array.from({ length: 1200 }, (_, i) => fileOf(1, { name: `name-${i}` }));
  const [withdrawn, kept] = [entries.slice(0, 1000), entries.slice(1000)];
  const { state, registry } = open(path);
  const [a, b, c] = [join(registry, 1), join(registry, 2), join(registry, 3)];
  for (const node of [a, b, c]) registry.announce(node, entries);
  await state.save(noPause);
  registry.withdraw(a, withdrawn);
  registry.withdraw(b, entries);
  registry.announce(b, [fileOf(1, { name: "only" })]);
  registry.remove(c);
  const before = contents(registry);
  assertEquals(allFiles(registry).length, kept.length + 1);
  await state[Symbol.asyncDispose]();

  const restored = open(path);
  assertEquals(contents(restored.registry), before);
  for (const number of [1, 2]) restored.registry.remove(join(restored.registry, number));
  await restored.state[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  for (const table of ["node", "file", "holding", "name"]) {
    const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
    assertEquals(row?.count, 0, table);
  }
  database.close();
});

Deno.test("a save gives others a turn while it deletes a lot", async () => {
  using folder = new Folder();
  const { state, registry } = open(folder.file("state"));
  const files = Array.from({ length: 5000 }, (_, i) => fileOf(i));
  const pausesOfSave = async () => {
    let count = 0;
    await state.save(() => Promise.resolve(void count++));
    return count;
  };
  registry.announce(join(registry, 1), files);
  // 5,000 files, 5,000 holdings and 5,000 names, 500 at a time.
  assertEquals(await pausesOfSave(), 30);
  registry.remove(join(registry, 1));
  assertEquals(await pausesOfSave(), 30);
  // 5,000 files that came and went since the last save.
  registry.announce(join(registry, 1), files);
  registry.remove(join(registry, 1));
  assertEquals(await pausesOfSave(), 10);
  await state[Symbol.asyncDispose]();
});

Deno.test("a save that fails is logged once, and what it had to save is saved later", async () => {
  using folder = new Folder();
  const { state, registry, log } = open(folder.file("state"));
  fill(registry);
  const failing = () => Promise.reject(new Error("database or disk is full"));
  registry.announce(join(registry, 7), Array.from({ length: 512 }, (_, i) => fileOf(100 + i)));
  await state.save(failing);
  await state.save(failing);
  assertEquals(log, [
    `Cannot save state file ${folder.file("state")}: database or disk is full`,
  ]);
  registry.withdraw(join(registry, 1), [fileOf(1)]);
  const before = contents(registry);
  await state[Symbol.asyncDispose]();
  const restored = open(folder.file("state"));
  assertEquals(contents(restored.registry), before);
  await restored.state[Symbol.asyncDispose]();
});

/** The message with which a state file is refused. */
function refusal(path: string): string {
  return assertThrows(() => open(path), Error).message.replace(/^.*: /, "");
}

Deno.test("a file that is something else is refused and not touched", () => {
  using folder = new Folder();
  const text = "x".repeat(5000);
  Deno.writeTextFileSync(folder.file("text"), text);
  assertEquals(refusal(folder.file("text")), "it is something else (name another file)");
  assertEquals(Deno.readTextFileSync(folder.file("text")), text);

  const foreign = new DatabaseSync(folder.file("foreign"));
  foreign.exec("CREATE TABLE recipe (name TEXT)");
  foreign.close();
  const before = Deno.readFileSync(folder.file("foreign"));
  assertEquals(refusal(folder.file("foreign")), "it is something else (name another file)");
  assertEquals(Deno.readFileSync(folder.file("foreign")), before);
});

Deno.test("a damaged file is refused, wherever the damage is", async () => {
  using folder = new Folder();
  const { state, registry } = open(folder.file("state"));
  fill(registry);
  await state[Symbol.asyncDispose]();
  const whole = Deno.readFileSync(folder.file("state"));
  const pageSize = 4096;
  // Page 1 holds the schema; the others hold one table or index each.
  for (let offset = pageSize; offset < whole.length; offset += pageSize) {
    const damaged = whole.slice();
    damaged.fill(0xa5, offset, offset + 64);
    Deno.writeFileSync(folder.file("damaged"), damaged);
    assertEquals(refusal(folder.file("damaged")), "it is damaged (remove it to start afresh)");
  }
  Deno.writeFileSync(folder.file("short"), whole.slice(0, 2 * pageSize));
  assertEquals(refusal(folder.file("short")), "it is damaged (remove it to start afresh)");
});

Deno.test("values that no tracker would have written are refused", async () => {
  using folder = new Folder();
  const changes = [
    "INSERT INTO name VALUES (1, 1, '../escape')",
    "UPDATE file SET block_size = 1000",
    "UPDATE holding SET have = x'ffffffff'",
    "PRAGMA ignore_check_constraints = ON; UPDATE node SET port = 70000",
    "PRAGMA ignore_check_constraints = ON; UPDATE node SET id = x'00' WHERE serial = 1",
  ];
  for (const [i, change] of changes.entries()) {
    const path = folder.file(`state-${i}`);
    const { state, registry } = open(path);
    fill(registry);
    await state[Symbol.asyncDispose]();
    const database = new DatabaseSync(path);
    database.exec(change);
    database.close();
    assertEquals(refusal(path), "it is damaged (remove it to start afresh)", change);
  }
});

Deno.test("a file of another version is refused", async () => {
  using folder = new Folder();
  await open(folder.file("state")).state[Symbol.asyncDispose]();
  const database = new DatabaseSync(folder.file("state"));
  database.exec("PRAGMA user_version = 1");
  database.close();
  assertEquals(
    refusal(folder.file("state")),
    "another version of p2pnode wrote it (remove it to start afresh)",
  );
});

Deno.test("a file that another tracker uses is refused", async () => {
  using folder = new Folder();
  const first = open(folder.file("state"));
  assertEquals(refusal(folder.file("state")), "another process is using it");
  await first.state[Symbol.asyncDispose]();
  await open(folder.file("state")).state[Symbol.asyncDispose]();
});

Deno.test("a path that cannot be opened is named", () => {
  using folder = new Folder();
  const path = folder.file("missing/state");
  const error = assertThrows(() => open(path), Error);
  assert(error.message.startsWith(`Cannot use state file ${path}: `), error.message);
});
