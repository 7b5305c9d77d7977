/** A device's index in memory, for tests: what was saved is there as long as the object is. */

import type { ContentId } from "../../node/transfer/contents.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import type { FolderCount } from "../../node/sync/client.ts";
import type { Entry } from "../../node/sync/entry.ts";
import type { ReplicaId } from "../../node/sync/version.ts";
import type {
  DeviceIndex,
  IndexChanges,
  KnownEntry,
  ServerPosition,
} from "../../node/sync/device/device_index.ts";
import { NOWHERE } from "../../node/sync/device/device_index.ts";
import { Intentions } from "../../node/sync/device/intentions.ts";
import { isSynced } from "../../node/sync/device/reconcile.ts";
import type { Row } from "../../node/sync/device/row.ts";

/** Why nothing can be saved. */
export const NO_ROOM = "no space left on the device";

export class MemoryDeviceIndex implements DeviceIndex {
  #position: ServerPosition = NOWHERE;
  readonly #rows = new Map<string, Row>();
  readonly #intentions = new Intentions();

  readonly #isFull: () => boolean;

  /** @param isFull Whether there is no room to save anything. */
  constructor(readonly replica: ReplicaId, isFull: () => boolean = () => false) {
    this.#isFull = isFull;
  }

  get position(): ServerPosition {
    return this.#position;
  }

  row(path: string): Row | undefined {
    return this.#rows.get(path);
  }

  *known(path: string): Generator<KnownEntry> {
    for (const row of this.#sorted((row) => isWithin(row.path, path))) {
      const { local } = row;
      if (local === undefined || local.kind === "absent") continue;
      yield { path: row.path, kind: local.kind, stamp: local.stamp };
    }
  }

  count(): FolderCount {
    const sizes = [...this.entries("here")].filter(({ kind }) => kind === "file")
      .map(({ size }) => size);
    return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  }

  *unsynced(): Generator<Row> {
    for (const row of this.#sorted((row) => !isSynced(row))) yield row;
  }

  holders({ id, size }: ContentId): Row[] {
    return [...this.#rows.values()].filter(({ local }) =>
      local?.kind === "file" && local.size === size && sameBytes(local.id, id)
    );
  }

  *entries(side: "here" | "server"): Generator<Entry> {
    for (const { path, local, remote } of this.#sorted(() => true)) {
      const state = side === "here" ? local : remote;
      if (state === undefined || state.kind === "absent") continue;
      const { kind, id, size, executable, version } = state;
      yield { path, kind, id, size, executable, version };
    }
  }

  save({ rows = [], position }: IndexChanges): void {
    if (this.#isFull()) throw new Error(`Cannot use the index: ${NO_ROOM}`);
    for (const row of rows) {
      if (row.local === undefined && row.remote === undefined) this.#rows.delete(row.path);
      else this.#rows.set(row.path, row);
    }
    if (position !== undefined) this.#position = position;
  }

  intend(entries: readonly Entry[]): void {
    if (this.#isFull()) throw new Error(`Cannot use the index: ${NO_ROOM}`);
    this.#intentions.add(entries);
  }

  intended(path: string): readonly Entry[] {
    return this.#intentions.of(path);
  }

  forgetServer(index: string): void {
    for (const { path, local } of [...this.#rows.values()]) {
      this.save({ rows: [{ path, local, remote: undefined }] });
    }
    this.#position = { index, after: 0 };
  }

  #sorted(isWanted: (row: Row) => boolean): Row[] {
    const rows: Row[] = [];
    for (const row of this.#rows.values()) if (isWanted(row)) rows.push(row);
    return rows.sort((a, b) => a.path < b.path ? -1 : 1);
  }
}

function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
