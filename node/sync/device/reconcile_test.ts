import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { REPLICA_COUNT_MAX } from "../../../protocol/sync_messages.ts";
import { ABSENT, FOLDER, sameState } from "../entry.ts";
import type { State } from "../entry.ts";
import { bumpVersion, compareVersions, mergeVersions, versionOf } from "../version.ts";
import type { Version } from "../version.ts";
import { isSynced, reconcile } from "./reconcile.ts";
import type { LocalSide, RemoteSide, Row } from "./row.ts";

const [A, B, C] = ["a".repeat(16), "b".repeat(16), "c".repeat(16)] as const;
const settings = { seed: 1, numRuns: 2000 };

const version = fc.dictionary(fc.constantFrom(A, B, C), fc.integer({ min: 1, max: 3 }), {
  minKeys: 1,
})
  .map((counts) => versionOf(new Map(Object.entries(counts))));
const file = fc.record({ byte: fc.constantFrom(1, 2), executable: fc.boolean() })
  .map(({ byte, executable }): State => ({
    kind: "file",
    id: new Uint8Array(32).fill(byte),
    size: byte,
    executable,
  }));
const state = fc.oneof(fc.constant(ABSENT), fc.constant(FOLDER), file);
const remote = fc.tuple(state, version).map(([state, version]): RemoteSide => ({
  ...state,
  version,
}));
const local = remote.map((side): LocalSide => ({ ...side, stamp: "" }));
const row = fc.record({ local: fc.option(local, { nil: undefined }), remote }).map(
  (sides): Row => ({ path: "p", ...sides }),
);

/** What the row is after its decision, as far as this path is concerned; a name aside is another row. */
function done(before: Row): Row {
  const decision = reconcile(before);
  switch (decision.kind) {
    case "synced":
      return before;
    case "put": {
      const { stamp: _, ...stored } = before.local!;
      return { ...before, remote: stored };
    }
    case "adopt": {
      const side = before.local ?? { ...before.remote!, stamp: "" };
      return { ...before, local: { ...side, version: decision.version } };
    }
    case "keep":
    case "copy-remote":
      return { ...before, local: { ...before.local!, version: bumpVersion(decision.version, A) } };
    case "apply":
      return { ...before, local: { ...before.remote!, version: decision.version, stamp: "" } };
    case "move-local":
      return { ...before, local: undefined };
  }
}

Deno.test("reconcile() leads to a synced path in a few steps, whatever the sides are", () => {
  fc.assert(
    fc.property(row, (before) => {
      let now = before;
      for (let step = 0; step < 3; step++) now = done(now);
      assertEquals(reconcile(now), { kind: "synced" });
    }),
    settings,
  );
});

Deno.test("reconcile() replaces or deletes nothing here that the server's side did not know of", () => {
  fc.assert(
    fc.property(row, (before) => {
      const { local, remote } = before;
      if (reconcile(before).kind !== "apply" || local === undefined || local.kind === "absent") {
        return;
      }
      const isKnown = compareVersions(local.version, remote!.version) === "precedes";
      // Otherwise only the right to execute is added.
      assertEquals(isKnown || sameState({ ...local, executable: true }, remote!), true);
    }),
    settings,
  );
});

Deno.test("reconcile() lets the server have only what follows its side, or what nobody else changed", () => {
  fc.assert(
    fc.property(row, (before) => {
      const decision = reconcile(before);
      if (decision.kind !== "put") return;
      assertEquals(compareVersions(before.local!.version, before.remote!.version), "follows");
    }),
    settings,
  );
});

Deno.test("isSynced() is true where reconcile() finds nothing to do, and nowhere else", () => {
  fc.assert(
    fc.property(row, (row) => {
      assertEquals(isSynced(row), reconcile(row).kind === "synced");
    }),
    settings,
  );
});

function decide(mine: readonly [State, Version] | undefined, theirs: readonly [State, Version]) {
  const local = mine && { ...mine[0], version: mine[1], stamp: "" };
  return reconcile({ path: "p", local, remote: { ...theirs[0], version: theirs[1] } });
}

const one: State = { kind: "file", id: new Uint8Array(32).fill(1), size: 1, executable: false };
const other: State = { kind: "file", id: new Uint8Array(32).fill(2), size: 1, executable: false };
const [mine, theirs] = [versionOf(new Map([[A, 2]])), versionOf(new Map([[A, 1], [B, 1]]))];
const merged = mergeVersions(mine, theirs);

Deno.test("reconcile() decides between concurrent changes by what they are", () => {
  const cases = [
    [one, one, { kind: "adopt", version: merged }],
    [one, other, { kind: "move-local", version: theirs }],
    [one, ABSENT, { kind: "keep", version: merged }],
    [ABSENT, one, { kind: "apply", version: theirs }],
    [FOLDER, one, { kind: "copy-remote", version: merged }],
    [one, FOLDER, { kind: "move-local", version: theirs }],
    [{ ...one, executable: true }, one, { kind: "keep", version: merged }],
    [one, { ...one, executable: true }, { kind: "apply", version: theirs }],
  ] as const;
  for (const [here, there, decision] of cases) {
    assertEquals(decide([here, mine], [there, theirs]), decision);
  }
});

Deno.test("reconcile() takes the server's version for what was found here and is the same", () => {
  const found = versionOf(new Map([[C, 1]]));
  assertEquals(decide([one, found], [one, theirs]), { kind: "adopt", version: theirs });
});

Deno.test("reconcile() takes the server's version of the same where both together have no room", () => {
  const replicas = Array.from({ length: REPLICA_COUNT_MAX }, (_, at) => `${at}`.padStart(16, "0"));
  const full = versionOf(new Map(replicas.map((replica) => [replica, 2])));
  assertEquals(decide([one, mine], [one, full]), { kind: "adopt", version: full });
  const local = versionOf(new Map([[replicas[0]!, 3]]));
  assertEquals(decide([one, local], [one, full]), {
    kind: "adopt",
    version: mergeVersions(local, full),
  });
});

Deno.test("reconcile() takes the same version of two states for a conflict", () => {
  assertEquals(decide([one, mine], [other, mine]).kind, "move-local");
});

Deno.test("reconcile() takes what is unknown here for no deletion", () => {
  assertEquals(decide(undefined, [one, theirs]), { kind: "apply", version: theirs });
});
