/**
 * One client of a source: opens the tree that it asks for, lists it, hands out the contents of what is listed and
 * not settled, and ends when all is.
 *
 * A client may be slow, or busy with its own disk, for as long as it likes while it takes or asks for something.
 * One that leaves what was sent to it untaken, or that could go on and does nothing, is let go after a time.
 */

import type { Connection } from "../../../protocol/connection.ts";
import { unexpected } from "../../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { Frame } from "../../../protocol/frame_reader.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import type { Address, Clock } from "../../../protocol/ports.ts";
import type { Session } from "../../connecting/reception.ts";
import type { RateLimit } from "../../traffic/rate_limit.ts";
import type { Request } from "../../transfer/answers.ts";
import { ContentServer } from "../../transfer/content_server.ts";
import type { ContentReader } from "../../transfer/stage.ts";
import type { TreeTotals } from "../tree_entry.ts";
import { Deadline } from "./deadline.ts";
import type { HashWorkers } from "./hash_workers.ts";
import { OfferedTree } from "./offered_tree.ts";
import type { TreeProgress } from "./offered_tree.ts";
import type { SourceFolder } from "./ports.ts";
import type { FollowedTree, SourceWatch } from "./source_watch.ts";

/** A client that has not asked for a tree by then is let go. */
const OPEN_MAX_MS = 10_000;
/** For so long a client may leave what is being sent untaken. */
const UNTAKEN_MAX_MS = 60_000;
/** For so long a client may ask for nothing and settle nothing: it may be hashing a large file of its own. */
const IDLE_MAX_MS = 10 * 60_000;
/** A client that has everything may ask for another tree until then. */
const DONE_MAX_MS = 1_000;
/** How long a question for changes is held. */
const WATCH_HOLD_MS = 10_000;
/** A client may have the source wait so long before each file. */
const DELAY_MAX_MS = 60 * 60_000;

/** A tree that a client has asked for. */
export interface OpenedTree extends TreeTotals {
  readonly client: Address;
  /** "" for everything. */
  readonly path: string;
}

/** What became of it. */
export interface ClosedTree extends TreeProgress {
  readonly client: Address;
  readonly path: string;
  /** Bytes of contents that were sent. */
  readonly bytesSent: number;
  readonly seconds: number;
  /** Why it is not complete, as far as that is known. */
  readonly reason: string | undefined;
}

/** Told of what is served. */
export interface TreeEvents {
  opened(tree: OpenedTree): void;
  closed(tree: ClosedTree): void;
}

/** What the clients of a source share. */
export interface SourceContext {
  readonly folder: SourceFolder;
  readonly contents: ContentReader;
  readonly workers: HashWorkers;
  readonly watch: SourceWatch;
  /** How many bytes are sent at once. */
  readonly chunkSize: number;
  readonly limit: RateLimit;
  readonly clock: Clock;
  readonly events: TreeEvents;
}

/** A tree that is open. */
interface OpenTree {
  readonly offered: OfferedTree;
  /** The source waits so long before the first bytes of each file. */
  readonly delayMs: number;
  readonly startMs: number;
  /** Bytes that had been sent to the client before. */
  readonly sentBefore: number;
  followed: FollowedTree | undefined;
}

/** A question for changes that is not answered yet. */
interface Watching {
  readonly request: number;
  /** Set by the first tick. */
  deadlineMs: number | undefined;
}

export class TreeSession implements Session {
  readonly #connection: Connection;
  readonly #context: SourceContext;
  readonly #contents: ContentServer;
  readonly #ending = new AbortController();
  #tree: OpenTree | undefined;
  #watching: Watching | undefined;
  #isWatcher = false;
  #bytesSent = 0;
  /** How many answers this side keeps back on purpose. */
  #heldBack = 0;
  /** Messages that have come, but those that show no more than that the client is alive. */
  #messageCount = 0;
  readonly #untaken = new Deadline(UNTAKEN_MAX_MS);
  readonly #idle = new Deadline(IDLE_MAX_MS);
  readonly #unopened = new Deadline(OPEN_MAX_MS);
  readonly #done = new Deadline(DONE_MAX_MS);

  constructor(connection: Connection, context: SourceContext) {
    this.#connection = connection;
    this.#context = context;
    this.#contents = new ContentServer(connection, {
      source: { find: (content) => this.#tree?.offered.find(content) },
      stage: context.contents,
      pathOf: (path) => context.folder.pathOf(path),
      chunkSize: context.chunkSize,
      ready: (request) => this.#delay(request),
      pace: (size) => this.#pace(size),
    });
  }

  get hasPlace(): boolean {
    return this.#tree !== undefined;
  }

  async run(): Promise<Error | undefined> {
    const reason = await this.#connection.run((frame) => this.#receive(frame));
    this.#ending.abort();
    this.#contents[Symbol.dispose]();
    const wasOpen = this.#tree?.offered.totals !== undefined;
    if (this.#tree !== undefined) this.#closeTree(reason?.message ?? "the client went away");
    return wasOpen ? undefined : reason;
  }

  tick(nowMs: number): void {
    this.#connection.tick(nowMs);
    const { chunkBytesSent, isSendingChunks } = this.#connection;
    const tree = this.#tree;
    tree?.followed?.tick(nowMs);
    this.#tickWatching(nowMs);
    const isOurTurn = this.#heldBack > 0 || this.#watching !== undefined ||
      this.#contents.isAnswering || tree?.offered.isListing === true ||
      tree !== undefined && tree.offered.totals === undefined;
    if (this.#unopened.isOver(nowMs, tree === undefined)) {
      this.#letGo("no tree was asked for");
    } else if (this.#untaken.isOver(nowMs, isSendingChunks, chunkBytesSent)) {
      this.#letGo("what was sent is not taken");
    } else if (this.#idle.isOver(nowMs, !isOurTurn, this.#messageCount)) {
      this.#letGo("nothing is asked for");
    } else if (this.#done.isOver(nowMs, this.#isDone, this.#messageCount)) {
      this.#connection.close();
    }
  }

  /** Whether the client has all that it asked for. */
  get #isDone(): boolean {
    return !this.#isWatcher && this.#tree?.offered.progress.isComplete === true;
  }

  #letGo(why: string): void {
    this.#connection.close(new ProtocolError(ErrorCode.timeout, `Cannot wait: ${why}`));
  }

  #receive(frame: Frame): void {
    this.#messageCount++;
    const { message, request } = frame;
    switch (message.type) {
      case "openTree":
        return void this.#open(message, request);
      case "listTree":
        return this.#requireTree("list").offered.ask(request);
      case "settled":
        return this.#settle(message);
      case "watchTree":
        return this.#watch(request);
      case "cancel":
        this.#tree?.offered.forget(request);
        if (this.#watching?.request === request) this.#watching = undefined;
        this.#contents.receive(frame);
        return;
      default:
        if (!this.#contents.receive(frame)) throw unexpected(message);
    }
  }

  #requireTree(action: string): OpenTree {
    if (this.#tree?.offered.totals !== undefined) return this.#tree;
    throw new ProtocolError(ErrorCode.unexpected, `Cannot ${action}: no tree is open`);
  }

  /** Never rejects. */
  async #open({ path, delayMs }: MessageOf<"openTree">, request: number): Promise<void> {
    const { folder, workers, watch, clock, events } = this.#context;
    const refusal = refusalOf(folder, { path, delayMs });
    if (refusal !== undefined) {
      return this.#connection.refuse(request, refusal.code, refusal.message);
    }
    if (this.#tree !== undefined) this.#closeTree("another one was asked for");
    const offered = new OfferedTree({
      path,
      folder,
      workers,
      send: (page, number) => this.#connection.send(page, number),
      failed: (reason) => this.#fail(reason),
    });
    const followed = this.#isWatcher ? watch.follow(path) : undefined;
    const startMs = clock.now();
    this.#tree = { offered, delayMs, followed, startMs, sentBefore: this.#bytesSent };
    try {
      const totals = await offered.open();
      events.opened({ client: this.#connection.remote, path, ...totals });
      this.#connection.send({ type: "tree", ...totals }, request);
    } catch (reason) {
      if (this.#tree?.offered === offered) return this.#fail(reason as Error);
      if (this.#connection.isClosed) return;
      this.#connection.refuse(
        request,
        ErrorCode.absent,
        "Cannot go on: another tree was asked for",
      );
    }
  }

  #fail({ message }: Error): void {
    this.#connection.close(new ProtocolError(ErrorCode.failed, message));
  }

  #settle(message: MessageOf<"settled">): void {
    const { offered } = this.#requireTree("settle");
    offered.settle(message);
  }

  #watch(request: number): void {
    const tree = this.#requireTree("watch");
    if (this.#watching !== undefined) {
      throw new ProtocolError(ErrorCode.limit, "Cannot watch: it is being watched already");
    }
    this.#isWatcher = true;
    this.#watching = { request, deadlineMs: undefined };
    if (tree.followed !== undefined) return;
    // Nobody saw what has changed since the tree was opened.
    tree.followed = this.#context.watch.follow(tree.offered.path);
    tree.followed.hint("");
    this.#answerWatching(true);
  }

  #tickWatching(nowMs: number): void {
    const watching = this.#watching;
    if (watching === undefined) return;
    watching.deadlineMs ??= nowMs + WATCH_HOLD_MS;
    const isChanged = this.#tree?.followed?.isChanged === true;
    if (isChanged || nowMs >= watching.deadlineMs) this.#answerWatching(isChanged);
  }

  #answerWatching(changed: boolean): void {
    const { request } = this.#watching!;
    this.#watching = undefined;
    this.#connection.send({ type: "treeChanged", changed }, request);
  }

  #closeTree(why: string): void {
    const { offered, followed, startMs, sentBefore } = this.#tree!;
    this.#tree = undefined;
    offered[Symbol.dispose]();
    followed?.[Symbol.dispose]();
    // Nobody was told that it was asked for.
    if (offered.totals === undefined) return;
    const { clock, events } = this.#context;
    const { progress } = offered;
    events.closed({
      client: this.#connection.remote,
      path: offered.path,
      ...progress,
      bytesSent: this.#bytesSent - sentBefore,
      seconds: (clock.now() - startMs) / 1000,
      reason: progress.isComplete ? undefined : why,
    });
  }

  /** Waits as long as the client wanted before each file that is asked for the first time. */
  #delay(request: Request): Promise<void> | undefined {
    const tree = this.#tree;
    if (tree === undefined || tree.delayMs === 0) return undefined;
    const contents = request.type === "getContents" ? request.files : [request];
    const count = contents.filter((content) => tree.offered.isFirstRequest(content)).length;
    if (count === 0) return undefined;
    return this.#holdBack(this.#context.clock.sleep(count * tree.delayMs, this.#ending.signal));
  }

  /** Waits for the upload limit and counts what goes out. */
  #pace(size: number): Promise<void> | undefined {
    this.#bytesSent += size;
    const turn = this.#context.limit.take(size, this.#ending.signal);
    return turn && this.#holdBack(turn);
  }

  async #holdBack(until: Promise<void>): Promise<void> {
    this.#heldBack++;
    try {
      await until;
    } finally {
      this.#heldBack--;
    }
  }
}

/** Why a tree cannot be copied, or undefined when it can. */
function refusalOf(
  folder: SourceFolder,
  { path, delayMs }: { readonly path: string; readonly delayMs: number },
): { readonly code: ErrorCode; readonly message: string } | undefined {
  if (delayMs > DELAY_MAX_MS) {
    return { code: ErrorCode.limit, message: "the delay is longer than an hour" };
  }
  const problem = folder.problemAt(path);
  if (problem === undefined) return undefined;
  const code = problem.isAbsent ? ErrorCode.absent : ErrorCode.malformed;
  return { code, message: problem.reason };
}
