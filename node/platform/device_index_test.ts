/** Tests of a device's index: in a database it is the same as in memory. */

import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { temporaryFolder } from "../../tests/files.ts";
import { MemoryDeviceIndex } from "../../tests/sync_simulation/memory_device_index.ts";
import type { DeviceIndex, IndexChanges } from "../sync/device/device_index.ts";
import type { LocalSide, Row } from "../sync/device/row.ts";
import { ABSENT, FOLDER } from "../sync/entry.ts";
import { DeviceDatabase } from "./device_index.ts";

const PATHS = ["a", "a/b", "a/b/c", "a0", "b", "z/\u00e9"];
const CONTENTS = [1, 2, 3].map((n) => ({ id: new Uint8Array(32).fill(n), size: n }));

const file = fc.record({ content: fc.constantFrom(...CONTENTS), executable: fc.boolean() })
  .map(({ content, executable }) => ({ kind: "file", ...content, executable } as const));
const side: fc.Arbitrary<LocalSide> = fc.record({
  state: fc.oneof(file, fc.constantFrom(ABSENT, FOLDER)),
  version: fc.constantFrom("aaaaaaaaaaaaaaaa:1", "bbbbbbbbbbbbbbbb:2"),
  stamp: fc.constantFrom("s1", "s2"),
}).map(({ state, version, stamp }) => ({
  ...state,
  version,
  stamp: state.kind === "file" ? stamp : "",
}));
const row: fc.Arbitrary<Row> = fc.record({
  path: fc.constantFrom(...PATHS),
  local: fc.option(side, { nil: undefined }),
  remote: fc.option(side, { nil: undefined }),
}).map(({ path, local, remote }) => {
  if (remote === undefined) return { path, local, remote };
  const { stamp: _, ...said } = remote;
  return { path, local, remote: said };
});
const changes: fc.Arbitrary<IndexChanges> = fc.record({
  rows: fc.array(row, { maxLength: 4 }),
  position: fc.record({ index: fc.constantFrom("", "ab"), after: fc.nat(9) }),
}, { requiredKeys: [], noNullPrototype: true });

/** All that an index tells. */
function viewOf(index: DeviceIndex) {
  const byPath = (a: Row, b: Row) => a.path < b.path ? -1 : 1;
  return {
    position: index.position,
    rows: PATHS.map((path) => index.row(path)),
    known: ["", ...PATHS].map((path) => [...index.known(path)]),
    count: index.fileCount(""),
    unsynced: [...index.unsynced()],
    holders: CONTENTS.map((content) => index.holders(content).sort(byPath).slice(0, 1).length),
    here: [...index.entries("here")],
    server: [...index.entries("server")],
  };
}

Deno.test("DeviceDatabase tells the same as an index in memory, also when it is opened again", () => {
  const steps = fc.array(fc.oneof(changes, fc.constant("forget" as const)), { maxLength: 8 });
  fc.assert(
    fc.property(steps, (steps) => {
      using folder = temporaryFolder();
      const path = `${folder.path}/index.db`;
      using database = new DeviceDatabase(path, () => {});
      const memory = new MemoryDeviceIndex(database.replica);
      for (const step of steps) {
        for (const index of [database, memory]) {
          if (step === "forget") index.forgetServer("cd");
          else index.save(step);
        }
        assertEquals(viewOf(database), viewOf(memory));
      }
      database[Symbol.dispose]();
      using again = new DeviceDatabase(path, () => {});
      assertEquals(again.replica, memory.replica);
      assertEquals(viewOf(again), viewOf(memory));
    }),
    { numRuns: 60 },
  );
});

Deno.test("DeviceDatabase knows more rows than it remembers", () => {
  using folder = temporaryFolder();
  using database = new DeviceDatabase(`${folder.path}/index.db`, () => {});
  const local = { ...FOLDER, version: "aaaaaaaaaaaaaaaa:1", stamp: "" };
  const rows = Array.from({ length: 10_000 }, (_, n) => (
    { path: `${n}`, local, remote: undefined }
  ));
  database.save({ rows });
  assertEquals(rows.map(({ path }) => database.row(path)), rows);
});

Deno.test("DeviceDatabase moves a damaged file aside and begins anew, under another name", () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/index.db`;
  const first = new DeviceDatabase(path, () => {});
  first[Symbol.dispose]();
  Deno.writeTextFileSync(path, "this is no database, but long enough to be looked at as one");
  const lines: string[] = [];
  using second = new DeviceDatabase(path, (line) => lines.push(line));
  assertNotEquals(second.replica, first.replica);
  assertEquals(lines.length, 1);
});
