import { assertEquals, assertRejects } from "@std/assert";
import { completeSyncWords, runSyncLine } from "./sync_prompt.ts";
import type { SyncSession } from "./sync_session.ts";

/** A session that only notes what it is asked. */
function recorded(): { session: SyncSession; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const note = (name: string) => (...args: unknown[]) => void calls.push([name, ...args]);
  const names = ["upload", "download", "delete", "list", "showFolder", "status", "conflicts"];
  const noted = [...names, "versions", "restore", "answer", "stored"];
  const session = {
    ...Object.fromEntries(noted.map((name) => [name, note(name)])),
    names: (side: string) => [`${side}.txt`],
  };
  return { session: session as unknown as SyncSession, calls };
}

for (
  const [line, call] of [
    ['upload "my file"', ["upload", "my file", { replace: false }]],
    ["upload --replace a", ["upload", "a", { replace: true }]],
    ["download a", ["download", "a", undefined]],
    ["download a b/", ["download", "a", "b/"]],
    ["delete docs", ["delete", "docs"]],
    ["list_server", ["list", "server"]],
    ["list_client", ["list", "here"]],
    ["get_sync_dir", ["showFolder"]],
    ["status", ["status"]],
    ["conflicts", ["conflicts"]],
    ["versions a", ["versions", "a"]],
    ["restore a", ["restore", "a", undefined]],
    ["restore a 3", ["restore", "a", 3]],
    ["yes", ["answer", true]],
    ["no", ["answer", false]],
  ] as const
) {
  Deno.test(`runSyncLine() understands: ${line}`, async () => {
    const { session, calls } = recorded();
    assertEquals(await runSyncLine(session, line), undefined);
    assertEquals(calls, [[...call]]);
  });
}

Deno.test("runSyncLine() ends with exit, once all is stored, and takes quit for it", async () => {
  for (const line of ["exit", " quit "]) {
    const { session, calls } = recorded();
    assertEquals(await runSyncLine(session, line), "exit");
    assertEquals(calls, [["stored"]]);
  }
});

for (
  const [line, message] of [
    ["upload", "Cannot upload: something is missing (upload PATH [--replace])"],
    ["download", "Cannot download: something is missing (download NAME [DEST])"],
    [
      "delete a b",
      "Cannot delete: that is too much (delete NAME; a name with blanks stands in quotes)",
    ],
    ["restore a -1", 'Cannot restore: "-1" is no version number'],
    ["restore a 1.5", 'Cannot restore: "1.5" is no version number'],
    ["uplaod a", "did you mean upload?"],
    ["xyzzy", "help lists the commands"],
    ['upload "a', "Cannot read the line: the quote"],
  ] as const
) {
  Deno.test(`runSyncLine() refuses: ${line}`, async () => {
    const { session, calls } = recorded();
    await assertRejects(() => runSyncLine(session, line), Error, message);
    assertEquals(calls, []);
  });
}

Deno.test("completeSyncWords() offers commands, then the names that these are for", () => {
  const { session } = recorded();
  const commands = completeSyncWords([], session);
  assertEquals(commands.includes("list_server") && commands.includes("upload"), true);
  assertEquals(completeSyncWords(["download"], session), ["server.txt"]);
  assertEquals(completeSyncWords(["delete"], session), ["here.txt"]);
  assertEquals(completeSyncWords(["delete", "a"], session), []);
  assertEquals(completeSyncWords(["status"], session), []);
});
