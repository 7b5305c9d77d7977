/** What can be asked of a running sync client, whoever types it: the commands behind the prompt. */

import type { Address } from "../../protocol/ports.ts";
import { unlessAborted } from "../../protocol/until_aborted.ts";
import type { SyncClient } from "../sync/client.ts";
import { counted } from "../text/counted.ts";
import { formatSize } from "../text/size.ts";
import type { SyncFiles } from "./sync_files.ts";
import { conflictLines, entryFields, entryLines, statusFields, statusLines } from "./sync_lists.ts";
import { versionFields, versionLines } from "./sync_lists.ts";
import type { Telling } from "./telling.ts";

export interface SyncSessionOptions {
  readonly client: SyncClient;
  readonly files: SyncFiles;
  readonly telling: Telling;
  readonly user: string;
  readonly device: string;
  readonly server: Address;
  /** Where the folder is. */
  readonly root: string;
  /** Resolves when the server was heard to the end of its list, or could not be reached. */
  readonly heard: Promise<void>;
  /** Aborted when the client ends. */
  readonly signal: AbortSignal;
}

export class SyncSession {
  readonly telling: Telling;
  readonly #options: SyncSessionOptions;

  constructor(options: SyncSessionOptions) {
    this.#options = options;
    this.telling = options.telling;
  }

  async upload(path: string, options: { replace: boolean }): Promise<void> {
    const { name, outcome, size } = await this.#options.files.upload(path, options);
    const text = outcome === "was here"
      ? `${name} is in the folder already`
      : `${outcome} ${name} (${formatSize(size)})`;
    this.telling.tell("uploaded", { name, outcome, size }, text);
  }

  async download(name: string, destination?: string): Promise<void> {
    await this.#heard();
    const { path, size, wasHere } = await this.#options.files.download(name, destination);
    const text = wasHere
      ? `${path} is the same file already`
      : `copied ${name} to ${path} (${formatSize(size)})`;
    this.telling.tell("downloaded", { name, path, size, was_here: wasHere }, text);
  }

  async delete(name: string): Promise<void> {
    const count = await this.#options.files.delete(name);
    const text = count === 1 ? `deleted ${name}` : `deleted ${name}: ${counted(count, "file")}`;
    this.telling.tell("deleted", { name, files: count }, text);
  }

  /** Shows what is here, or what the server has as far as it was heard. */
  async list(side: "here" | "server"): Promise<void> {
    const { client } = this.#options;
    if (side === "server") await this.#heard();
    this.telling.list("entry", rowsOf(client, side), () => {
      const lines = entryLines(client.entries(side));
      const isOld = side === "server" && !client.status.isOnline;
      return isOld
        ? [...lines, "(offline: this is what the server had when it was heard last)"]
        : lines;
    });
  }

  showFolder(): void {
    const { root } = this.#options;
    this.telling.tell("sync_dir", { path: root }, root);
  }

  async status(): Promise<void> {
    const { client, user, device, server, root } = this.#options;
    await this.#heard();
    const devices = client.status.isOnline ? await client.devices() : undefined;
    const details = { user, device, server, folder: root, devices, count: client.count() };
    const { status } = client;
    this.telling.list(
      "status",
      [statusFields(status, details)],
      () => statusLines(status, details),
    );
  }

  /** Shows what needs a person: conflict copies, names that collide, and what is not synced at all. */
  conflicts(): void {
    const { client } = this.#options;
    const skipped = client.skipped().map(({ name, reason }) => ({
      path: name,
      reason: `skipped: ${reason}`,
    }));
    const all = [...client.conflicts(), ...skipped];
    this.telling.list(
      "conflicting",
      all.map(({ path, reason }) => ({ name: path, reason })),
      () => conflictLines(all),
    );
  }

  async versions(name: string): Promise<void> {
    await this.#heard();
    const versions = await this.#options.client.versions(name);
    this.telling.list(
      "version",
      versions.map((version) => versionFields(name, version)),
      () => versionLines(versions),
    );
  }

  /** Makes an old version the current one: the newest if none is named. */
  async restore(name: string, number?: number): Promise<void> {
    await this.#heard();
    const { client } = this.#options;
    const chosen = number ?? (await client.versions(name))[0]?.number;
    if (chosen === undefined) {
      throw new Error(`Cannot restore ${name}: the server keeps no old version of it`);
    }
    await client.restore(name, chosen);
    this.telling.tell(
      "restored",
      { name, number: chosen },
      `version ${chosen} of ${name} is the current one again`,
    );
  }

  /** Answers the question about deletions that are held back. */
  answer(accept: boolean): void {
    const { client } = this.#options;
    const { held } = client.status;
    if (held === undefined) throw new Error("Cannot answer: nothing was asked");
    client.answerDeletions(accept);
    const text = accept
      ? `deleting ${counted(held.count, "file")} everywhere`
      : `getting ${counted(held.count, "file")} back`;
    this.telling.tell("answered", { accept, deletions: held.count }, text);
  }

  /** Resolves when what was commanded is stored; at once while deletions wait for an answer. */
  async stored(): Promise<void> {
    const { client, signal } = this.#options;
    const { held, pendingUp, isOnline } = client.status;
    if (held !== undefined) return;
    if (!isOnline) {
      this.telling.tell(
        "waiting",
        { pending_up: pendingUp },
        "waiting for the server, which stores what is new here first (Ctrl-C leaves at once)",
      );
    }
    await client.stored(signal);
  }

  /** What the Tab key offers for the names of files. */
  names(side: "here" | "server"): string[] {
    return [...this.#options.client.entries(side)].map(({ path }) => path);
  }

  async #heard(): Promise<void> {
    await unlessAborted(this.#options.heard, this.#options.signal);
  }
}

function* rowsOf(client: SyncClient, side: "here" | "server") {
  for (const entry of client.entries(side)) {
    yield { side: side === "here" ? "client" : "server", ...entryFields(entry) };
  }
}
