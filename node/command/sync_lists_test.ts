import { assertEquals } from "@std/assert";
import { FOLDER } from "../sync/entry.ts";
import type { Entry } from "../sync/entry.ts";
import { conflictLines, entryFields, entryLines, statusLines, versionLines } from "./sync_lists.ts";

const ID = new Uint8Array(32).fill(0xab);
const file: Entry = {
  path: "a\tb.txt",
  kind: "file",
  id: ID,
  size: 1536,
  executable: true,
  version: "00112233445566aa:2,ff112233445566aa:1",
};
const folder: Entry = { ...FOLDER, path: "docs", version: "00112233445566aa:1" };

Deno.test("entryLines() lines up names, sizes, ids and versions, and shows no control characters", () => {
  assertEquals(entryLines([file, folder]), [
    "name         size  id                version",
    "a\\tb.txt  1.5 KiB  abababababababab  0011:2 ff11:1",
    "docs/                                0011:1",
  ]);
  assertEquals(entryLines([]), ["no files"]);
});

Deno.test("entryFields() gives scripts the whole id and version, and no bytes to a folder", () => {
  assertEquals(entryFields(file), {
    name: "a\tb.txt",
    kind: "file",
    size: 1536,
    id: "ab".repeat(32),
    executable: true,
    version: file.version,
  });
  assertEquals(entryFields(folder), { name: "docs", kind: "folder", version: folder.version });
});

Deno.test("versionLines() tells when each was replaced, and by whom", () => {
  const version = { number: 3, id: ID, size: 5, executable: false, device: "laptop" };
  assertEquals(versionLines([{ ...version, replacedMs: Date.UTC(2026, 10, 21, 12, 0, 5) }]), [
    "version  size  id                replaced              by",
    "      3   5 B  abababababababab  2026-11-21 12:00:05Z  laptop",
  ]);
  // A time that a server made up is no reason to fail.
  assertEquals(
    versionLines([{ ...version, replacedMs: 2 ** 53 - 1 }])[1]?.includes("unknown"),
    true,
  );
  assertEquals(versionLines([]), ["no old versions"]);
});

Deno.test("conflictLines() names each and its reason", () => {
  assertEquals(conflictLines([{ path: "a", reason: "skipped: it is a pipe" }]), [
    "name  why",
    "a     skipped: it is a pipe",
  ]);
  assertEquals(conflictLines([]), ["no conflicts"]);
});

Deno.test("statusLines() says who is connected, what is pending, and what waits for an answer", () => {
  const status = {
    isOnline: true,
    pendingUp: 1,
    pendingDown: 2,
    bytesSent: 1024,
    bytesReceived: 0,
    lastError: undefined,
    held: { count: 25, total: 30, examples: [] },
  };
  const details = {
    user: "alice",
    device: "laptop",
    server: { host: "127.0.0.1", port: 7000 },
    folder: "/home/alice/shared",
    count: { files: 1, bytes: 10 },
    devices: [
      { name: "laptop", host: "127.0.0.1", self: true },
      { name: "desktop", host: "10.0.0.7", self: false },
    ],
  };
  assertEquals(statusLines(status, details), [
    "user        alice at 127.0.0.1:7000",
    "device      laptop, online",
    "connected   laptop (this one), desktop (10.0.0.7)",
    "folder      /home/alice/shared: 1 file, 10 B",
    "pending     1 up, 2 down",
    "sent        1 KiB",
    "received    0 B",
    "waiting     25 deletions held back (answer yes or no)",
    "last error  none",
  ]);
});
