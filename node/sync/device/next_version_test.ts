import { assertEquals } from "@std/assert";
import { ABSENT } from "../entry.ts";
import type { Entry, State } from "../entry.ts";
import { changedRow, deletedRow } from "./next_version.ts";
import type { Row } from "./row.ts";

const HERE = "1111111111111111";
const THERE = "2222222222222222";

function file(fill: number): State {
  return { kind: "file", id: new Uint8Array(32).fill(fill), size: 5, executable: false };
}

function rowOf(local: [State, string] | undefined, remote: [State, string] | undefined): Row {
  return {
    path: "a.txt",
    local: local && { ...local[0], version: local[1], stamp: "old" },
    remote: remote && { ...remote[0], version: remote[1] },
  };
}

/** An index that names this device, and had perhaps something to be brought. */
function indexWith(...intended: Entry[]) {
  return {
    replica: HERE,
    intended: (path: string) => intended.filter((entry) => entry.path === path),
  };
}

function versionAfter(row: Row, state: State, ...intended: [State, string][]): string | undefined {
  const entries = intended.map(([state, version]) => ({ path: row.path, ...state, version }));
  return changedRow(row, { state, stamp: "new", index: indexWith(...entries) }).local?.version;
}

Deno.test("changedRow() counts a change of this device", () => {
  const synced = rowOf([file(1), `${THERE}:4`], [file(1), `${THERE}:4`]);
  assertEquals(versionAfter(synced, file(2)), `${HERE}:1,${THERE}:4`);
});

Deno.test("changedRow() takes what the server said before for no change", () => {
  const toApply = rowOf([file(1), `${THERE}:4`], [file(2), `${THERE}:5`]);
  assertEquals(versionAfter(toApply, file(2)), `${THERE}:5`);
  assertEquals(versionAfter(toApply, file(3)), `${HERE}:1,${THERE}:4`);
  assertEquals(versionAfter(rowOf(undefined, [file(2), `${THERE}:5`]), file(2)), `${THERE}:5`);
});

Deno.test("changedRow() takes what was to be brought here for no change, whatever the server has by then", () => {
  const brought: [State, string] = [file(2), `${THERE}:5`];
  const later = rowOf([file(1), `${THERE}:4`], [file(3), `${THERE}:6`]);
  assertEquals(versionAfter(later, file(2), brought), `${THERE}:5`);
  assertEquals(versionAfter(later, file(4), brought), `${HERE}:1,${THERE}:4`);
  const unknown = rowOf(undefined, [file(3), `${THERE}:6`]);
  assertEquals(versionAfter(unknown, file(2), brought), `${THERE}:5`);
});

Deno.test("changedRow() takes what was to be brought here for no change, if something else was to follow", () => {
  const row = rowOf([file(1), `${THERE}:4`], [file(3), `${THERE}:6`]);
  const intended: [State, string][] = [[file(3), `${THERE}:6`], [file(2), `${THERE}:5`]];
  assertEquals(versionAfter(row, file(2), ...intended), `${THERE}:5`);
  assertEquals(versionAfter(row, file(3), ...intended), `${THERE}:6`);
});

Deno.test("changedRow() takes for no change what was to be brought in the place of a deletion that lost", () => {
  const deleted = rowOf([ABSENT, `${HERE}:1,${THERE}:4`], [file(3), `${THERE}:6`]);
  assertEquals(versionAfter(deleted, file(2), [file(2), `${THERE}:5`]), `${THERE}:5`);
  assertEquals(versionAfter(deleted, file(4), [file(2), `${THERE}:5`]), `${HERE}:2,${THERE}:4`);
});

Deno.test("changedRow() counts a change back to what was brought here before", () => {
  const edited = rowOf([file(1), `${HERE}:1,${THERE}:5`], [file(2), `${THERE}:5`]);
  const version = versionAfter(edited, file(2), [file(2), `${THERE}:5`]);
  assertEquals(version, `${HERE}:2,${THERE}:5`);
});

Deno.test("changedRow() counts a change to what the server had before", () => {
  const later = rowOf([file(1), `${HERE}:3,${THERE}:5`], [file(2), `${THERE}:5`]);
  assertEquals(versionAfter(later, file(2)), `${HERE}:4,${THERE}:5`);
});

Deno.test("changedRow() makes what was found without being known no successor of anything", () => {
  assertEquals(versionAfter(rowOf(undefined, [file(1), `${THERE}:5`]), file(2)), `${HERE}:1`);
});

Deno.test("deletedRow() takes a deletion of which the server told for no change", () => {
  const toApply = rowOf([file(1), `${THERE}:4`], [ABSENT, `${THERE}:5`]);
  assertEquals(deletedRow(toApply, indexWith()).local?.version, `${THERE}:5`);
});
