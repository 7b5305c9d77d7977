/**
 * A device: keeps a local folder the same as the user's folder on the server, over lost connections.
 *
 * What is here and what the server says meet in the index; whoever finds them different is told by the
 * ledger (ledger.ts). So looks at the folder go on without a server, and each connection (session.ts) takes
 * up whatever is open when it begins.
 */

import { AnySignal } from "../../../protocol/any_signal.ts";
import type { Connection } from "../../../protocol/connection.ts";
import { passTime } from "../../../protocol/passing_time.ts";
import type { SkippedFile } from "../../store/folder.ts";
import type { ContentId } from "../../transfer/contents.ts";
import type {
  DeviceInfo,
  FolderCount,
  SyncClient,
  SyncConflict,
  SyncEvent,
  SyncStatus,
  SyncTransfer,
  VersionInfo,
} from "../client.ts";
import type { Entry } from "../entry.ts";
import type { Hint } from "../../folder/live_folder.ts";
import { findConflicts } from "./conflicts.ts";
import { Ledger } from "./ledger.ts";
import { LocalChanges } from "./local_changes.ts";
import { TIMINGS } from "./options.ts";
import type { SyncDeviceOptions, Timings } from "./options.ts";
import { OwnChanges } from "./own_changes.ts";
import { connect, Refused, Replaced, Session } from "./session.ts";
import type { SessionContext } from "./session_context.ts";
import { Snapshots } from "./snapshots.ts";
import { Storing } from "./storing.ts";

const STEP_MS = 250;
/**
 * Who loses its place twice within this time shares it with a living process. Once may be the last message of
 * a process that was killed, which came late.
 */
const REPLACED_TWICE_MS = 30_000;

export class SyncDevice implements SyncClient {
  readonly #options: SyncDeviceOptions;
  readonly #timings: Timings;
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  readonly #local: LocalChanges;
  readonly #storing: Storing;
  readonly #shared: Omit<SessionContext, "connection" | "contents">;
  readonly #bytes = { sent: 0, received: 0 };
  #session: Session | undefined;
  #lastError: string | undefined;
  #isSynced = false;

  constructor(options: SyncDeviceOptions) {
    this.#options = options;
    const { folder, stage, clock, device, acceptDeletions, canAsk } = options;
    const timings = { ...TIMINGS, ...options.timings };
    this.#timings = timings;
    const ledger = new Ledger(options.index);
    this.#ledger = ledger;
    const own = new OwnChanges();
    const observe = (event: SyncEvent) => this.#observe(event);
    this.#snapshots = new Snapshots(stage);
    const snapshots = this.#snapshots;
    const common = { folder, stage, ledger, snapshots, own, clock, timings, observe };
    this.#local = new LocalChanges({
      ...common,
      acceptDeletions,
      canAsk,
      isUnheardOf: (path) => this.#session?.isListed === true && !ledger.up.isBusy(path),
    });
    this.#storing = new Storing(ledger, this.#local);
    this.#shared = { ...common, local: this.#local, device };
  }

  get status(): SyncStatus {
    const { up, down } = this.#ledger;
    return {
      isOnline: this.#session !== undefined,
      pendingUp: up.size,
      pendingDown: down.size,
      bytesSent: this.#bytes.sent,
      bytesReceived: this.#bytes.received,
      lastError: this.#lastError,
      held: this.#local.held,
    };
  }

  get transfers(): Iterable<SyncTransfer> {
    return this.#session?.transfers() ?? [];
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    using any = new AnySignal([signal, ended.signal]);
    const all = any.signal;
    const { clock } = this.#options;
    const parts = [
      this.#local.run(all),
      this.#stayConnected(all),
      this.#noteProgress(all),
      passTime({ clock, stepMs: STEP_MS, signal: all }, [{ tick: (nowMs) => this.#tick(nowMs) }]),
    ];
    try {
      await Promise.all(parts);
    } finally {
      ended.abort();
      await Promise.allSettled(parts);
    }
  }

  changed(hint: Hint): void {
    this.#local.hint(hint);
  }

  stored(signal: AbortSignal): Promise<void> {
    return this.#storing.wait(signal);
  }

  entries(side: "here" | "server"): Iterable<Entry> {
    return this.#options.index.entries(side);
  }

  count(): FolderCount {
    return this.#options.index.count();
  }

  entry(side: "here" | "server", path: string): Entry | undefined {
    const row = this.#ledger.row(path);
    const state = side === "here" ? row.local : row.remote;
    if (state === undefined || state.kind === "absent") return undefined;
    const { kind, id, size, executable, version } = state;
    return { path, kind, id, size, executable, version };
  }

  skipped(): readonly SkippedFile[] {
    const { up, down } = this.#ledger;
    const troubles = [...up.troubles(), ...down.troubles()];
    return [
      ...this.#local.skipped(),
      ...troubles.map(({ path, reason }) => ({ name: path, reason })),
    ];
  }

  conflicts(): readonly SyncConflict[] {
    return findConflicts(this.entries("here"), this.#ledger.down.troubles());
  }

  answerDeletions(accept: boolean): void {
    this.#local.answerDeletions(accept);
  }

  async devices(): Promise<DeviceInfo[]> {
    const { devices } = await this.#connection().request({ type: "getDevices" }, "devices");
    return [...devices];
  }

  async versions(path: string): Promise<VersionInfo[]> {
    const message = { type: "getVersions", path } as const;
    const { versions } = await this.#connection().request(message, "versions");
    return [...versions];
  }

  async restore(path: string, number: number): Promise<void> {
    await this.#connection().request({ type: "restore", path, number }, "ok");
  }

  async fetch({ id, size }: ContentId): Promise<string> {
    if (this.#session === undefined) throw new Error("Cannot fetch: the server is away");
    const bases = this.#options.index.holders({ id, size })
      .map(({ path, local }) => ({ path, id, size, stamp: local!.stamp }));
    const { signal } = new AbortController();
    const want = { id, size, bases };
    for await (const result of this.#session.contents.fetch([want], { signal, durable: false })) {
      if ("staged" in result) return result.staged;
      const { reason } = result;
      throw new Error(
        reason === "absent" ? "Cannot fetch the content: the server has it no more" : reason.error,
      );
    }
    throw new Error("Cannot fetch the content: nothing came");
  }

  #connection(): Connection {
    if (this.#session === undefined) throw new Error("Cannot ask the server: it is away");
    return this.#session.connection;
  }

  #observe(event: SyncEvent): void {
    if (event.kind === "sent") {
      this.#storing.stored(event.entry.path);
      this.#snapshots.drop(event.entry.path);
    }
    if (event.kind === "offline" || event.kind === "trouble") this.#lastError = event.reason;
    this.#options.observe(event);
  }

  async #stayConnected(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const { redialMs, redialMaxMs } = this.#timings;
    let pauseMs = redialMs;
    let replacedMs = -Infinity;
    while (!signal.aborted) {
      try {
        await this.#connectOnce(signal, () => pauseMs = redialMs);
      } catch (error) {
        if (signal.aborted) return;
        const nowMs = clock.now();
        if (error instanceof Replaced && nowMs - replacedMs > REPLACED_TWICE_MS) replacedMs = nowMs;
        else if (error instanceof Refused) throw error;
        this.#observe({ kind: "offline", reason: (error as Error).message });
      } finally {
        this.#session = undefined;
        this.#isSynced = false;
      }
      // Devices of a server that was away do not all come back at the same moment.
      await clock.sleep(pauseMs * (0.5 + random()), signal);
      pauseMs = Math.min(redialMaxMs, pauseMs * 2);
    }
  }

  async #connectOnce(signal: AbortSignal, joined: () => void): Promise<void> {
    const options = { device: this.#options, bytes: this.#bytes, signal };
    const connection = await connect(options);
    const session = new Session(connection, { ...options, shared: this.#shared });
    this.#dialled = connection;
    await session.run(() => {
      joined();
      this.#session = session;
      this.#observe({ kind: "online" });
    });
  }

  /** The connection for which time passes, whether the device has its place or not. */
  #dialled: Connection | undefined;

  #tick(nowMs: number): void {
    this.#dialled?.tick(nowMs);
    this.#ledger.retry(this.#options.clock.now());
    this.#check();
  }

  /** Looks after each step of the work whether all is done, and clears up then. */
  async #noteProgress(signal: AbortSignal): Promise<void> {
    const bells = [this.#local.bell, this.#ledger.up.bell, this.#ledger.down.bell];
    for (const bell of bells) bell.ringOn(signal);
    let isTidy = false;
    while (!signal.aborted) {
      const rung = Promise.race(bells.map((bell) => bell.rung));
      this.#check();
      if (this.#isSynced && !isTidy) await this.#removeParts();
      isTidy = this.#isSynced;
      await rung;
    }
  }

  /** Nobody wants the contents any more that were fetched in part and then replaced on the server. */
  async #removeParts(): Promise<void> {
    const { stage, log } = this.#options;
    const troubles = [...this.#ledger.down.troubles()];
    const wanted = troubles.map(({ path }) => this.#ledger.row(path).remote)
      .filter((content) => content !== undefined);
    const ahead = this.#session?.contents.contents ?? [];
    try {
      await stage.keepParts([...wanted, ...ahead]);
    } catch (error) {
      log((error as Error).message);
    }
  }

  #check(): void {
    this.#storing.check();
    const { up, down } = this.#ledger;
    const wasSynced = this.#isSynced;
    this.#isSynced = this.#session?.isListed === true && up.isDone && down.isDone &&
      this.#local.isSettled && this.#local.held === undefined;
    if (this.#isSynced && !wasSynced) this.#observe({ kind: "synced" });
  }
}
