/**
 * A batch: a fixed number of nodes that start together and end together.
 *
 * While the batch gathers, each node that has announced all its files waits for its acknowledgement. When
 * as many wait as are expected, all are acknowledged at once and the batch runs with these members. It is
 * finished when every member has said that it is done, and is either still here to be told or gone for good.
 *
 * While gathering, a node that disconnects has no place. In a running batch it keeps its place until the
 * tracker forgets it; then, if it was not done, any newcomer may take the place over. A member that comes
 * back starts over: it says again when it is done. Nodes beyond the expected number are not held up.
 */

interface Member {
  acknowledge: () => void;
  terminated: boolean;
  presence: "connected" | "away" | "gone";
}

export interface BatchOptions {
  /** How many nodes make the batch complete; at least 1. */
  readonly expect: number;
  /** Called once, when as many nodes have announced everything. */
  readonly onStarted: () => void;
  /** Called once, when all members are done. */
  readonly onFinished: () => void;
}

export class Batch {
  readonly #options: BatchOptions;
  /** By node key: in a running batch its members, before that the nodes that wait. */
  readonly #members = new Map<string, Member>();
  /** Keys of members that the end of the batch waits for. */
  readonly #pending = new Set<string>();
  #phase: "gathering" | "running" | "finished" = "gathering";

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  get expect(): number {
    return this.#options.expect;
  }

  get finished(): boolean {
    return this.#phase === "finished";
  }

  /** How many places are taken. */
  get memberCount(): number {
    return this.#members.size;
  }

  /** How many members are done. */
  get terminatedCount(): number {
    return this.#members.size - this.#pending.size;
  }

  /** The node keys of the members. */
  get members(): Iterable<string> {
    return this.#members.keys();
  }

  /** A node has announced all its files. `acknowledge` tells it to begin; it is called now or later. */
  announced(key: string, acknowledge: () => void): void {
    const hasPlace = this.#members.has(key) || this.#members.size < this.expect;
    if (hasPlace) {
      this.#members.set(key, { acknowledge, terminated: false, presence: "connected" });
      this.#pending.add(key);
    }
    if (this.#phase !== "gathering") acknowledge();
    else if (this.#members.size === this.expect) this.#start();
  }

  /** A node is done: all that it wanted is complete. */
  terminated(key: string): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    member.terminated = true;
    this.#settle(key, member);
  }

  /** The connection to a node has ended; it may come back. */
  disconnected(key: string): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    if (this.#phase === "gathering") {
      this.#drop(key);
      return;
    }
    member.presence = "away";
    if (member.terminated) this.#pending.add(key);
  }

  /** A node has left or was given up. */
  forgotten(key: string): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    if (this.#phase === "gathering" || !member.terminated) {
      this.#drop(key);
      return;
    }
    member.presence = "gone";
    this.#settle(key, member);
  }

  #start(): void {
    this.#phase = "running";
    this.#options.onStarted();
    for (const { acknowledge } of this.#members.values()) acknowledge();
    this.#finishIfDone();
  }

  #drop(key: string): void {
    this.#members.delete(key);
    this.#pending.delete(key);
  }

  #settle(key: string, member: Member): void {
    if (member.terminated && member.presence !== "away") this.#pending.delete(key);
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#phase !== "running" || this.#pending.size > 0) return;
    if (this.#members.size < this.expect) return;
    this.#phase = "finished";
    this.#options.onFinished();
  }
}
