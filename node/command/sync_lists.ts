/** What the lists of a synced folder look like: entries, versions, devices, conflicts and the status. */

import { toHex } from "../../protocol/bytes.ts";
import { addressText } from "../../protocol/address.ts";
import type { Address } from "../../protocol/ports.ts";
import type {
  DeviceInfo,
  FolderCount,
  SyncConflict,
  SyncStatus,
  VersionInfo,
} from "../sync/client.ts";
import type { Entry, State } from "../sync/entry.ts";
import { countsOf } from "../sync/version.ts";
import type { Version } from "../sync/version.ts";
import { counted } from "../text/counted.ts";
import { formatSize } from "../text/size.ts";
import { formatTable } from "../text/table.ts";
import type { Fields } from "./telling.ts";

/** Hexadecimal digits of a content id that people are shown. */
const ID_DIGITS = 16;
/** Hexadecimal digits of a replica that people are shown: enough to tell a handful apart. */
const REPLICA_DIGITS = 4;

/** An entry as an event. */
export function entryFields({ path, version, ...state }: Entry): Fields {
  return { name: path, kind: state.kind, ...contentFields(state), version };
}

function contentFields({ kind, id, size, executable }: State): Fields {
  return kind === "file" ? { size, id: toHex(id), executable } : {};
}

/** A table of entries, which are in the order of their paths. */
export function entryLines(entries: Iterable<Entry>): string[] {
  const rows = [...entries].map((entry) => [
    entry.kind === "folder" ? `${entry.path}/` : entry.path,
    entry.kind === "folder" ? "" : formatSize(entry.size),
    entry.kind === "folder" ? "" : toHex(entry.id).slice(0, ID_DIGITS),
    shortVersion(entry.version),
  ]);
  if (rows.length === 0) return ["no files"];
  const columns = [
    { title: "name" },
    { title: "size", align: "right" },
    { title: "id" },
    { title: "version" },
  ] as const;
  return formatTable(columns, rows);
}

/** A version vector as people can read it: `3f2a:2 91c0:1`. */
function shortVersion(version: Version): string {
  return [...countsOf(version)]
    .map(([replica, count]) => `${replica.slice(0, REPLICA_DIGITS)}:${count}`).join(" ");
}

/** An old version as an event. */
export function versionFields(name: string, version: VersionInfo): Fields {
  const { number, id, size, executable, replacedMs, device } = version;
  return { name, number, size, id: toHex(id), executable, replaced_ms: replacedMs, device };
}

/** A table of old versions, which are in the order that the server gave. */
export function versionLines(versions: readonly VersionInfo[]): string[] {
  if (versions.length === 0) return ["no old versions"];
  const columns = [
    { title: "version", align: "right" },
    { title: "size", align: "right" },
    { title: "id" },
    { title: "replaced" },
    { title: "by" },
  ] as const;
  const rows = versions.map(({ number, id, size, replacedMs, device }) => [
    String(number),
    formatSize(size),
    toHex(id).slice(0, ID_DIGITS),
    timeText(replacedMs),
    device,
  ]);
  return formatTable(columns, rows);
}

/** A moment in universal time, to the second, as RFC 3339 with a blank. */
function timeText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "unknown";
  return `${date.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** A table of what needs a person. */
export function conflictLines(conflicts: readonly SyncConflict[]): string[] {
  if (conflicts.length === 0) return ["no conflicts"];
  const rows = conflicts.map(({ path, reason }) => [path, reason]);
  return formatTable([{ title: "name" }, { title: "why" }], rows);
}

/** `2 files, 3.4 MiB`. */
export function folderCountText({ files, bytes }: FolderCount): string {
  return `${counted(files, "file")}, ${formatSize(bytes)}`;
}

/** What `status` tells beside the engine's own. */
export interface StatusDetails {
  readonly user: string;
  readonly device: string;
  readonly server: Address;
  readonly folder: string;
  readonly count: FolderCount;
  /** Undefined where there is no connection. */
  readonly devices: readonly DeviceInfo[] | undefined;
}

/** The status as an event. */
export function statusFields(status: SyncStatus, details: StatusDetails): Fields {
  const { user, device, server, folder, count, devices } = details;
  return {
    user,
    device,
    ...server,
    folder,
    ...count,
    online: status.isOnline,
    devices: devices ?? [],
    pending_up: status.pendingUp,
    pending_down: status.pendingDown,
    bytes_sent: status.bytesSent,
    bytes_received: status.bytesReceived,
    held: status.held?.count ?? 0,
    last_error: status.lastError,
  };
}

/** The status for people. */
export function statusLines(status: SyncStatus, details: StatusDetails): string[] {
  const { user, device, server, folder, count, devices = [] } = details;
  const connected = devices.map(({ name, host, self }) => `${name} (${self ? "this one" : host})`);
  const { pendingUp, pendingDown, bytesSent, bytesReceived, held, lastError } = status;
  return formatTable([{ title: "" }, { title: "" }], [
    ["user", `${user} at ${addressText(server)}`],
    ["device", `${device}, ${status.isOnline ? "online" : "offline"}`],
    ["connected", connected.join(", ") || "unknown while offline"],
    ["folder", `${folder}: ${folderCountText(count)}`],
    ["pending", `${pendingUp} up, ${pendingDown} down`],
    ["sent", formatSize(bytesSent)],
    ["received", formatSize(bytesReceived)],
    ...(held === undefined
      ? []
      : [["waiting", `${counted(held.count, "deletion")} held back (answer yes or no)`]]),
    ["last error", lastError ?? "none"],
  ]).slice(1);
}
