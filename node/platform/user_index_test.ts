/** Tests of the index of a user's space: in a database it is the same as in memory. */

import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { seededRandom } from "../../protocol/testing.ts";
import { temporaryFolder } from "../../tests/files.ts";
import { MemoryUserIndex } from "../../tests/sync_simulation/memory_user_index.ts";
import type { Entry } from "../sync/entry.ts";
import type { IndexChanges, UserIndex } from "../sync/server/user_index.ts";
import { UserDatabase } from "./user_index.ts";

const path = fc.constantFrom("a", "a/b", "a/b/c", "a0", "b", "z/\u00e9");
const content = fc.constantFrom(1, 2, 3).map((n) => ({ id: new Uint8Array(32).fill(n), size: n }));
const entry = fc.record({
  path,
  kind: fc.constantFrom("absent", "file", "folder"),
  content,
  executable: fc.boolean(),
  version: fc.constantFrom("aaaaaaaaaaaaaaaa:1", "bbbbbbbbbbbbbbbb:2"),
  stamp: fc.constantFrom("", "s1", "s2"),
}).map(({ content, ...rest }) => ({ ...rest, ...content }));
const replaced = fc.record({
  path,
  content,
  executable: fc.boolean(),
  replacedMs: fc.integer({ min: 0, max: 100 }),
  device: fc.constantFrom("", "laptop"),
}).map(({ content, ...rest }) => ({ ...rest, ...content }));
const changes: fc.Arbitrary<IndexChanges> = fc.record({
  put: fc.uniqueArray(entry, { selector: (one) => one.path }),
  dropped: fc.array(path, { maxLength: 1 }),
  stamps: fc.array(fc.record({ path, stamp: fc.constant("s3") }), { maxLength: 2 }),
  replaced: fc.array(replaced, { maxLength: 3 }),
  expired: fc.array(fc.record({ path, number: fc.integer({ min: 1, max: 3 }) }), { maxLength: 1 }),
  settled: fc.array(content, { maxLength: 1 }),
  fulfilled: fc.boolean(),
}, { noNullPrototype: true }) as fc.Arbitrary<IndexChanges>;

const intended = entry.map(({ path, id, size, executable, version }): Entry => (
  { path, kind: "file", id, size, executable, version }
));

/** All that an index tells. */
function viewOf(index: UserIndex) {
  const paths = ["a", "a/b", "a/b/c", "a0", "b", "z/\u00e9"];
  const contents = [1, 2, 3].map((n) => ({ id: new Uint8Array(32).fill(n), size: n }));
  const byPath = (a: { path: string }, b: { path: string }) => a.path < b.path ? -1 : 1;
  const byNumber = (a: { path: string; number: number }, b: { path: string; number: number }) =>
    byPath(a, b) || a.number - b.number;
  return {
    sequence: index.sequence,
    entries: paths.map((one) => index.get(one)),
    intended: paths.map((one) => index.intended(one)),
    present: [...index.present()].map(({ path, kind, executable, stamp }) => (
      { path, kind, executable, stamp }
    )).sort(byPath),
    below: paths.map((one) => index.below(one, 2)),
    after: index.after(2, 3),
    files: contents.map((one) => index.filesWith(one, 9).sort(byPath)),
    file: contents.map((one) => index.filesWith(one, 1).map(({ kind, id }) => ({ kind, id }))),
    versions: paths.map((one) => index.versionsOf(one, 3)),
    beyond: paths.map((one) => index.versionsBeyond(one, 1)),
    has: contents.map((one) => index.hasVersionWith(one)),
    expired: index.expiredVersions({ countMax: 2, beforeMs: 50 }).sort(byNumber),
    pending: [...index.pending()].map(({ id, size, bytes }) => ({ id, size, bytes })),
  };
}

Deno.test("UserDatabase tells the same as an index in memory, also when it is opened again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(changes, content, intended), { maxLength: 8 }), (steps) => {
      using folder = temporaryFolder();
      const file = `${folder.path}/index.db`;
      let database = new UserDatabase(file, () => {});
      const memory = new MemoryUserIndex(seededRandom(1));
      for (const step of steps) {
        for (const index of [database, memory]) {
          if ("path" in step) index.intend([step]);
          else if ("id" in step) index.keep([{ ...step, bytes: new Uint8Array([step.size]) }]);
          else index.commit(step);
        }
        assertEquals(viewOf(database), viewOf(memory));
      }
      const { id, replica } = database;
      database[Symbol.dispose]();
      database = new UserDatabase(file, () => {});
      assertEquals({ id: database.id, replica: database.replica }, { id, replica });
      assertEquals(viewOf(database), viewOf(memory));
      database[Symbol.dispose]();
    }),
    { numRuns: 60 },
  );
});

Deno.test("UserDatabase tells the changes after each sequence number, however many there were since", () => {
  using folder = temporaryFolder();
  using database = new UserDatabase(`${folder.path}/index.db`, () => {});
  const last = new Map<string, number>();
  for (let sequence = 0; sequence < 6_000;) {
    const put = Array.from({ length: 100 }, () => {
      // Some paths change again and again.
      const path = sequence % 3 === 0 ? `often${sequence % 300}` : `once${sequence}`;
      last.set(path, ++sequence);
      return {
        path,
        kind: "file" as const,
        id: new Uint8Array(32).fill(sequence % 251),
        size: sequence,
        executable: false,
        version: "aaaaaaaaaaaaaaaa:1",
        stamp: "s",
      };
    });
    database.commit({ put });
  }
  const sequences = [...last.values()].sort((a, b) => a - b);
  for (const start of [0, 1_000, 1_999, 2_000, 3_900, 4_000, 5_998, 5_999, 6_000]) {
    const expected = sequences.filter((sequence) => sequence > start).slice(0, 256);
    assertEquals(database.after(start, 256).map(({ sequence }) => sequence), expected);
  }
  for (const [path, sequence] of last) {
    assertEquals(database.get(path)?.sequence, sequence);
    const content = { id: new Uint8Array(32).fill(sequence % 251), size: sequence };
    assertEquals(database.filesWith(content, 1).map((entry) => entry.path), [path]);
  }
});

Deno.test("UserDatabase gets another id when it is renewed", () => {
  using folder = temporaryFolder();
  using database = new UserDatabase(`${folder.path}/index.db`, () => {});
  const { id } = database;
  database.commit({ renew: true });
  assertNotEquals(database.id, id);
});

Deno.test("UserDatabase moves a damaged file aside and begins anew, under other names", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/index.db`;
  const first = new UserDatabase(file, () => {});
  const { id, replica } = first;
  first[Symbol.dispose]();
  Deno.writeTextFileSync(file, "this is no database, but long enough to be looked at as one");
  const lines: string[] = [];
  using second = new UserDatabase(file, (line) => lines.push(line));
  assertNotEquals(second.id, id);
  assertNotEquals(second.replica, replica);
  assertEquals(second.sequence, 0);
  assertEquals(lines.length, 1);
  assertEquals(Deno.lstatSync(`${file}.damaged`).isFile, true);
});
