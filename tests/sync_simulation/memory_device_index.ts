/** A device's index in memory, for tests: what was saved is there as long as the object is. */

import type { ContentId } from "../../node/transfer/contents.ts";
import { sameBytes } from "../../protocol/bytes.ts";
import type { Entry } from "../../node/sync/entry.ts";
import type { ReplicaId } from "../../node/sync/version.ts";
import type {
  DeviceIndex,
  IndexChanges,
  KnownEntry,
  ServerPosition,
} from "../../node/sync/device/device_index.ts";
import { NOWHERE } from "../../node/sync/device/device_index.ts";
import { isSynced } from "../../node/sync/device/reconcile.ts";
import type { Row } from "../../node/sync/device/row.ts";

export class MemoryDeviceIndex implements DeviceIndex {
  #position: ServerPosition = NOWHERE;
  readonly #rows = new Map<string, Row>();

  constructor(readonly replica: ReplicaId) {}

  get position(): ServerPosition {
    return this.#position;
  }

  row(path: string): Row | undefined {
    return this.#rows.get(path);
  }

  *known(path: string): Generator<KnownEntry> {
    for (const row of this.#sorted()) {
      const { local } = row;
      if (local === undefined || local.kind === "absent" || !isWithin(row.path, path)) continue;
      yield { path: row.path, kind: local.kind, stamp: local.stamp };
    }
  }

  fileCount(folder: string): number {
    return [...this.known(folder)].filter(({ kind }) => kind === "file").length;
  }

  *unsynced(): Generator<Row> {
    for (const row of this.#sorted()) if (!isSynced(row)) yield row;
  }

  holders({ id, size }: ContentId): Row[] {
    return [...this.#rows.values()].filter(({ local }) =>
      local?.kind === "file" && local.size === size && sameBytes(local.id, id)
    );
  }

  *entries(side: "here" | "server"): Generator<Entry> {
    for (const { path, local, remote } of this.#sorted()) {
      const state = side === "here" ? local : remote;
      if (state === undefined || state.kind === "absent") continue;
      const { kind, id, size, executable, version } = state;
      yield { path, kind, id, size, executable, version };
    }
  }

  save({ rows = [], position }: IndexChanges): void {
    for (const row of rows) {
      if (row.local === undefined && row.remote === undefined) this.#rows.delete(row.path);
      else this.#rows.set(row.path, row);
    }
    if (position !== undefined) this.#position = position;
  }

  forgetServer(index: string): void {
    for (const { path, local } of [...this.#rows.values()]) {
      this.save({ rows: [{ path, local, remote: undefined }] });
    }
    this.#position = { index, after: 0 };
  }

  #sorted(): Row[] {
    return [...this.#rows.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  }
}

function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
