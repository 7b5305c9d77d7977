/**
 * The messages between a sync server and a user's devices.
 *
 * An entry says what is at a path: kind, content and version. The server numbers the changes of its
 * entries; a device says up to which it knows them and hears of the later ones. Either side fetches the
 * contents that it lacks from the other, with the messages of content_messages.ts.
 */

import { define } from "./definition.ts";
import { bytes, choice, flag, list, record, text, u32, u53 } from "./fields.ts";
import { NAME_SIZE_MAX } from "./path.ts";

/** How many entries a page may hold, as long as they fit into a body. */
export const ENTRY_COUNT_MAX = 256;
/** How many replicas may have a count in a version. */
export const REPLICA_COUNT_MAX = 32;
/** How many old versions of a file are listed. */
export const VERSION_COUNT_MAX = 100;
/** Bytes of a reason why an entry is refused. */
export const PUT_REASON_SIZE_MAX = 200;

const path = text(NAME_SIZE_MAX);
const state = {
  kind: choice(["absent", "file", "folder"]),
  id: bytes(32),
  size: u53,
  executable: flag,
};
const entry = record({
  path,
  ...state,
  version: list(record({ replica: bytes(8), count: u53 }), REPLICA_COUNT_MAX),
});

/** The part of the table about sync. */
export const syncMessages = {
  join: define(
    80,
    "request",
    "This device wants to keep the user's folder. Answered by joined, or by an error when the user " +
      "has two devices here already.",
    { user: text(64), device: text(64) },
  ),
  joined: define(
    81,
    "answer",
    "The device has a place. Sequence numbers count within the index of this id, up to `sequence` at this " +
      "moment; one with another id is listed from 0 on.",
    { index: bytes(16), sequence: u53 },
  ),
  getEntries: define(
    82,
    "request",
    "The entries that changed after this sequence number. Answered by entries as soon as there are any, " +
      "or after some seconds with none.",
    { after: u53 },
  ),
  entries: define(
    83,
    "answer",
    "The next changed entries, in the order of their changes, up to this sequence number; `last` when " +
      "there are no more at the moment.",
    { entries: list(entry, ENTRY_COUNT_MAX), sequence: u53, last: flag },
  ),
  putEntries: define(
    84,
    "request",
    "What this device has at these paths. Answered by put when everything is stored for good; the " +
      "server fetches the contents that it lacks meanwhile.",
    { entries: list(entry, ENTRY_COUNT_MAX) },
  ),
  put: define(
    85,
    "answer",
    "What became of each entry: stored; stale, as the server knows a version that this one does not " +
      "follow; absent, as the device does not have the content any more; or refused, for a reason.",
    {
      outcomes: list(
        record({
          outcome: choice(["stored", "stale", "absent", "refused"]),
          reason: text(PUT_REASON_SIZE_MAX),
        }),
        ENTRY_COUNT_MAX,
      ),
    },
  ),
  getDevices: define(
    86,
    "request",
    "The user's devices that are connected. Answered by devices.",
    {},
  ),
  devices: define(87, "answer", "The connected devices; `self` is the one that asked.", {
    devices: list(record({ name: text(64), host: text(64), self: flag }), 2),
  }),
  getVersions: define(
    88,
    "request",
    "The old versions of a file that the server keeps. Answered by versions.",
    { path },
  ),
  versions: define(
    89,
    "answer",
    "Old versions, the newest first. `replacedMs` is when each was replaced or deleted, in milliseconds " +
      "since 1970 by the server's clock, and `device` which device did so.",
    {
      versions: list(
        record({
          number: u32,
          id: bytes(32),
          size: u53,
          executable: flag,
          replacedMs: u53,
          device: text(64),
        }),
        VERSION_COUNT_MAX,
      ),
    },
  ),
  restore: define(
    90,
    "request",
    "Makes an old version of a file the current one, on all devices. Answered by ok.",
    { path, number: u32 },
  ),
  coming: define(
    91,
    "notice",
    "From the server: a large content that another device is sending, and that no entry names yet. Its blocks " +
      "before `ready` can be asked for; a device that lacks it may fetch them ahead of the entry.",
    { id: bytes(32), size: u53, ready: u32 },
  ),
} as const;
