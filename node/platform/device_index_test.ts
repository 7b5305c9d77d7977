/** Tests of a device's index: in a database it is the same as in memory. */

import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { temporaryFolder } from "../../tests/files.ts";
import { MemoryDeviceIndex } from "../../tests/sync_simulation/memory_device_index.ts";
import { INTENTION_COUNT } from "../sync/device/intentions.ts";
import type { DeviceIndex, IndexChanges } from "../sync/device/device_index.ts";
import type { LocalSide, Row } from "../sync/device/row.ts";
import { ABSENT, FOLDER } from "../sync/entry.ts";
import type { Entry } from "../sync/entry.ts";
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

const intended: fc.Arbitrary<Entry> = fc.record({ path: fc.constantFrom(...PATHS), side }).map(
  ({ path, side: { stamp: _, ...state } }) => ({ path, ...state }),
);

/** Rows of which only the server's side is said, as when it has stored what is here. */
const said = fc.uniqueArray(row, { selector: ({ path }) => path, minLength: 1, maxLength: 3 }).map(
  (rows) => ({ said: rows }),
);

/** All that an index tells. */
function viewOf(index: DeviceIndex) {
  const byPath = (a: Row, b: Row) => a.path < b.path ? -1 : 1;
  return {
    position: index.position,
    rows: PATHS.map((path) => index.row(path)),
    known: ["", ...PATHS].map((path) => [...index.known(path)]),
    count: index.count(),
    unsynced: [...index.unsynced()],
    holders: CONTENTS.map((content) => index.holders(content).sort(byPath).slice(0, 1).length),
    here: [...index.entries("here")],
    server: [...index.entries("server")],
    intended: PATHS.map((path) => index.intended(path)),
  };
}

Deno.test("DeviceDatabase tells the same as an index in memory, also when it is opened again", () => {
  const batch = fc.uniqueArray(intended, { selector: ({ path }) => path, maxLength: 3 });
  const step = fc.oneof(changes, said, batch, fc.constantFrom("forget" as const, "again" as const));
  const steps = fc.array(step, { maxLength: 8 });
  const rowsOf = (index: DeviceIndex) =>
    PATHS.map((path) => index.row(path)).filter((row) => row !== undefined);
  const withLocal = (index: DeviceIndex) => (row: Row) => (
    { ...row, local: index.row(row.path)?.local }
  );
  fc.assert(
    fc.property(steps, (steps) => {
      using folder = temporaryFolder();
      const path = `${folder.path}/index.db`;
      using database = new DeviceDatabase(path, () => {});
      const memory = new MemoryDeviceIndex(database.replica);
      for (const step of steps) {
        for (const index of [database, memory]) {
          if (step === "forget") index.forgetServer("cd");
          else if (step === "again") index.save({ rows: rowsOf(index) });
          else if (Array.isArray(step)) index.intend(step);
          else if ("said" in step) index.save({ rows: step.said.map(withLocal(index)) });
          else index.save(step as IndexChanges);
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

Deno.test("DeviceDatabase knows the last batches of intentions, also when it is opened again", () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/index.db`;
  const intention = (n: number) => ({ path: `${n}`, ...FOLDER, version: "aaaaaaaaaaaaaaaa:1" });
  const count = INTENTION_COUNT + 3;
  using first = new DeviceDatabase(path, () => {});
  for (let n = 0; n < count - 1; n++) first.intend([intention(n)]);
  first[Symbol.dispose]();
  using second = new DeviceDatabase(path, () => {});
  second.intend([intention(count - 1)]);
  second[Symbol.dispose]();
  using third = new DeviceDatabase(path, () => {});
  for (const index of [second, third]) {
    const known = Array.from({ length: count }, (_, n) => index.intended(`${n}`));
    const expected = known.map((_, n) => n < 3 ? [] : [intention(n)]);
    assertEquals(known, expected);
  }
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
