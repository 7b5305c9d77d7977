/**
 * What must be true of a history when it has come to rest: the same tree everywhere, nothing lost, nothing
 * left behind.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { DeviceHost } from "./device_host.ts";
import { textOf } from "./known_contents.ts";
import type { KnownContents } from "./known_contents.ts";
import type { MemoryFiles } from "./memory_files.ts";
import { contentOf } from "./memory_stage.ts";
import type { ServerHost } from "./server_host.ts";

/** Ends the names of contents that came in part. */
const PART_SUFFIX = ".part";
const OWNER_MAY_EXECUTE = 0o100;

/** What is at each path of a folder, but for its private area: a text, with "*" if it is executable, or "/". */
export function treeOf({ files, root }: { readonly files: MemoryFiles; readonly root: string }) {
  const tree = new Map<string, string>();
  for (const local of files.paths(root)) {
    const path = local.slice(root.length + 1);
    if (path === PRIVATE_FOLDER || path.startsWith(`${PRIVATE_FOLDER}/`)) continue;
    const node = files.nodeAt(local)!;
    const mark = (node.mode & OWNER_MAY_EXECUTE) !== 0 ? "*" : "";
    tree.set(path, node.kind === "folder" ? "/" : textOf(node.bytes) + mark);
  }
  return tree;
}

/** How two trees differ, in words; empty if they are the same. */
export function differences(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort().filter((path) =>
    a.get(path) !== b.get(path)
  ).map((path) => `${path}: ${a.get(path) ?? "nothing"} and ${b.get(path) ?? "nothing"}`);
}

export interface Survivors {
  readonly devices: readonly DeviceHost[];
  readonly server: ServerHost;
  readonly known: KnownContents;
  /** Texts that were in some folder when quiet began. */
  readonly present: ReadonlySet<string>;
}

/** Whether everybody has come to the same. */
export function isAtRest({ devices, server }: Survivors): boolean {
  const tree = treeOf(server);
  return devices.every((host) => {
    const status = host.device?.status;
    return status !== undefined && status.isOnline && status.pendingUp === 0 &&
      status.pendingDown === 0 && differences(treeOf(host), tree).length === 0;
  });
}

/** Everything that is wrong. */
export function inspect(survivors: Survivors): string[] {
  const { devices, server } = survivors;
  const tree = treeOf(server);
  return [
    ...devices.flatMap((host) =>
      differences(treeOf(host), tree).map((one) => `${host.name} and the server differ at ${one}`)
    ),
    ...devices.flatMap(indexProblems),
    ...serverIndexProblems(server),
    ...lostContents(survivors),
    ...devices.flatMap((host) => leftovers(host.name, host)),
    // What came in part stays for some hours, in case that the rest comes.
    ...leftovers("the server", server).filter((problem) => !problem.includes(PART_SUFFIX)),
  ];
}

/** The index of a device says what is on its disk, and that the server has the same. */
function indexProblems({ name, index, files, root }: DeviceHost): string[] {
  const unsynced = [...index.unsynced()].map(({ path }) => `${name} has not synced ${path}`);
  const stale = [...index.known("")].filter(({ path, stamp, kind }) =>
    kind === "file" && files.stateOf(`${root}/${path}`)?.stamp !== stamp
  );
  return [...unsynced, ...stale.map(({ path }) => `${name} has an old stamp of ${path}`)];
}

function serverIndexProblems({ index, files, root }: ServerHost): string[] {
  const inIndex = new Map<string, string>();
  for (const { path, kind } of index.present()) {
    const entry = index.get(path)!;
    inIndex.set(path, kind === "folder" ? "/" : toHex(entry.id));
  }
  const onDisk = new Map(
    [...treeOf({ files, root })].map(([path, text]) => {
      const bytes = files.bytesOf(`${root}/${path}`);
      return [path, text === "/" ? text : toHex(contentOf(bytes!).id)];
    }),
  );
  return differences(inIndex, onDisk).map((one) => `the server's index and disk differ at ${one}`);
}

/** Contents that must be somewhere and are nowhere. */
function lostContents({ server, known, present }: Survivors): string[] {
  const inTree = new Set([...treeOf(server).values()].map((text) => text.replace("*", "")));
  const inTrash = new Set<string>();
  for (const local of server.files.paths(trashOf(server))) {
    const bytes = server.files.bytesOf(local)!;
    if (server.index.hasVersionWith(contentOf(bytes))) inTrash.add(textOf(bytes));
  }
  const mustBe = new Map<string, string>();
  for (const text of known.storedBefore) {
    if (!known.isGivenUp(text)) mustBe.set(text, "it was stored once and nobody gave it up");
  }
  for (const text of present) {
    if (!known.isGivenUp(text)) mustBe.set(text, "it was there and nobody gave it up");
  }
  for (const text of known.stored) mustBe.set(text, "it was stored");
  const isLost = ([text]: readonly [string, string]) => !inTree.has(text) && !inTrash.has(text);
  return [
    ...[...mustBe].filter(isLost).map(([text, why]) => `"${text}" is lost: ${why}`),
    ...[...known.wantedBack].filter((text) => !inTree.has(text))
      .map((text) => `"${text}" has not come back: its deletion was not meant`),
  ];
}

function trashOf({ root }: ServerHost): string {
  return `${root}/${PRIVATE_FOLDER}/trash`;
}

/** Files in the private area that have no business there. */
function leftovers(
  name: string,
  host: { readonly files: MemoryFiles; readonly root: string },
): string[] {
  const area = `${host.root}/${PRIVATE_FOLDER}`;
  return host.files.paths(area).filter((path) =>
    host.files.bytesOf(path) !== undefined && path !== `${area}/lock` &&
    !path.startsWith(`${area}/trash/`)
  ).map((path) => `${name} has left ${path} behind`);
}
