/**
 * The network of the simulated world: hosts with addresses, connections between them, and what goes wrong.
 *
 * A host may be killed (its system closes its connections), vanish (nothing answers any more and nobody
 * learns why) and be booted again. Connections break, hold still for a while, or are never made.
 */

import type { Address, Duplex, Listener, Network } from "../../protocol/ports.ts";
import type { Dice } from "./dice.ts";
import { Life } from "./life.ts";
import { Pipe } from "./memory_pipe.ts";
import type { Line } from "./memory_pipe.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** The first of the ports that are given to those who dial. */
const EPHEMERAL_PORT_FIRST = 40_000;
/** How long it takes at most until connections to a host that had vanished are reset. */
const RESET_MS_MAX = 3_000;
/** A connection that is bounded by its buffers moves at least this many bytes per millisecond. */
const BYTES_PER_MS_MIN = 40;
const CLOCK_SPREAD_MS = 1_000_000;

export interface MemoryNetworkOptions {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly trace: Trace;
  /** What a new connection is like; of all kinds if it is not given. */
  readonly line?: () => Line;
  /** How far the clocks of processes are apart at most; 1,000 s if it is not given. */
  readonly clockSpreadMs?: number;
}

/** What a process gets of its host. */
export interface Process {
  readonly life: Life;
  readonly network: Network;
}

export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #connections = new Set<MemoryConnection>();
  #portLast = EPHEMERAL_PORT_FIRST;
  /** How many attempts to connect get no answer, from 0 to 1. */
  lossiness = 0;

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /** Starts a process on a host that runs none. */
  boot(name: string): Process {
    const { time, dice } = this.#options;
    const host = this.#hosts.get(name) ?? new Host(name);
    this.#hosts.set(name, host);
    const life = new Life(time, dice.below(this.#options.clockSpreadMs ?? CLOCK_SPREAD_MS));
    host.life = life;
    host.isReachable = true;
    for (const stream of host.silenced) {
      time.after(dice.below(RESET_MS_MAX), () => stream.connection.reset());
    }
    host.silenced.clear();
    const network: Network = {
      connect: (address, signal) => life.guard(this.#connect({ host, life, address, signal })),
      listen: (address) => this.#listen(host, life, address),
    };
    return { life, network };
  }

  /** Ends the process of a host; its system closes what it had open. */
  kill(name: string): void {
    const host = this.#end(name);
    for (const stream of host.streams) stream.shut();
    host.streams.clear();
  }

  /** Ends a host, with nobody there to tell the others. */
  vanish(name: string): void {
    const host = this.#end(name);
    host.isReachable = false;
    for (const stream of host.streams) {
      stream.connection.silence();
      host.silenced.add(stream);
    }
    host.streams.clear();
  }

  /** Breaks a random connection; of one host, if it is named. */
  breakOne(dice: Dice, name?: string): void {
    const connections = [...this.#connections].filter((connection) =>
      name === undefined || connection.target === name
    );
    if (connections.length > 0) dice.pick(connections).reset();
  }

  /** Lets nothing pass on a random connection for a while. */
  holdOne(dice: Dice, ms: number): void {
    const untilMs = this.#options.time.nowMs + ms;
    if (this.#connections.size > 0) dice.pick([...this.#connections]).holdUntil(untilMs);
  }

  #end(name: string): Host {
    const host = this.#hosts.get(name)!;
    host.life?.end();
    host.life = undefined;
    host.listeners.clear();
    return host;
  }

  #listen(host: Host, life: Life, { port }: Address): Listener {
    const address = { host: host.name, port: port === 0 ? ++this.#portLast : port };
    if (host.listeners.has(address.port)) {
      throw new Error(`Cannot listen on ${host.name}:${port}: the port is in use`);
    }
    const listener = new MemoryListener(address, life, () => {
      if (host.listeners.get(address.port) === listener) host.listeners.delete(address.port);
    });
    host.listeners.set(address.port, listener);
    return listener;
  }

  #connect({ host, life, address, signal }: Dial): Promise<Duplex> {
    const { time, dice, trace } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const line = this.#options.line?.() ?? randomLine(dice);
    const isLost = dice.chance(this.lossiness);
    let opened: MemoryStream | undefined;
    const abort = () => {
      cancel();
      opened?.close();
      reject(signal!.reason);
    };
    const refuse = () => {
      signal?.removeEventListener("abort", abort);
      reject(new Error("connection refused"));
    };
    const arrive = () => {
      const target = this.#hosts.get(address.host);
      if (isLost || target === undefined || !target.isReachable) return;
      const listener = target.listeners.get(address.port);
      if (listener === undefined) {
        cancel = time.after(line.latencyMs, refuse);
        return;
      }
      const { near, far } = this.#open(host, life, { target, listener, line });
      opened = near;
      listener.push(far);
      trace.addText(`${host.name}>${target.name}`);
      cancel = time.after(line.latencyMs, () => {
        signal?.removeEventListener("abort", abort);
        resolve(near);
      });
    };
    let cancel = time.after(line.latencyMs, arrive);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    return promise;
  }

  #open(
    host: Host,
    life: Life,
    { target, listener, line }: { target: Host; listener: MemoryListener; line: Line },
  ): { near: MemoryStream; far: MemoryStream } {
    const { time, dice, trace } = this.#options;
    const connection = new MemoryConnection(target.name, { time, line, dice });
    this.#connections.add(connection);
    const [there, back] = connection.pipes;
    const nearAddress = { host: host.name, port: ++this.#portLast };
    const shared = { connection, time, trace };
    const near = new MemoryStream({
      ...shared,
      life,
      remote: listener.address,
      incoming: back,
      outgoing: there,
      forget: () => this.#forget(host, near),
    });
    const far = new MemoryStream({
      ...shared,
      life: listener.life,
      remote: nearAddress,
      incoming: there,
      outgoing: back,
      forget: () => this.#forget(target, far),
    });
    host.streams.add(near);
    target.streams.add(far);
    return { near, far };
  }

  #forget(host: Host, stream: MemoryStream): void {
    host.streams.delete(stream);
    this.#connections.delete(stream.connection);
  }
}

interface Dial {
  readonly host: Host;
  readonly life: Life;
  readonly address: Address;
  readonly signal: AbortSignal | undefined;
}

class Host {
  life: Life | undefined;
  isReachable = true;
  readonly listeners = new Map<number, MemoryListener>();
  /** This host's ends of its connections. */
  readonly streams = new Set<MemoryStream>();
  /** Ends of connections that it does not know of any more. */
  readonly silenced = new Set<MemoryStream>();

  constructor(readonly name: string) {}
}

/** Lines of all kinds, from a wireless one in the woods to a loopback. */
export function randomLine(dice: Dice): Line {
  const latencyMs = dice.magnitude(0.2, 150);
  return {
    latencyMs,
    bytesPerMs: dice.magnitude(BYTES_PER_MS_MIN, 10_000),
    capacity: Math.max(dice.magnitude(2048, 256 * 1024), latencyMs * BYTES_PER_MS_MIN) | 0,
    choppiness: dice.pick([0, 0, 0, 0.2, 0.2, 1]),
  };
}

class MemoryConnection {
  readonly pipes: readonly [Pipe, Pipe];

  readonly line: Line;

  /** A connection to the host of that name. */
  constructor(
    readonly target: string,
    { time, line, dice }: { time: VirtualTime; line: Line; dice: Dice },
  ) {
    this.line = line;
    this.pipes = [new Pipe(time, line, dice), new Pipe(time, line, dice)];
  }

  reset(): void {
    for (const pipe of this.pipes) {
      pipe.failReads("connection reset");
      pipe.failWrites("connection reset");
    }
  }

  silence(): void {
    for (const pipe of this.pipes) pipe.silence();
  }

  holdUntil(ms: number): void {
    for (const pipe of this.pipes) pipe.holdUntil(ms);
  }
}

interface StreamOptions {
  readonly connection: MemoryConnection;
  readonly life: Life;
  readonly remote: Address;
  readonly incoming: Pipe;
  readonly outgoing: Pipe;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly forget: () => void;
}

/** One end of a connection. */
class MemoryStream implements Duplex {
  readonly #options: StreamOptions;
  #isShut = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get connection(): MemoryConnection {
    return this.#options.connection;
  }

  get remote(): Address {
    return this.#options.remote;
  }

  read(into: Uint8Array): Promise<number | null> {
    const { life, incoming } = this.#options;
    return life.guard(incoming.read(into));
  }

  write(bytes: Uint8Array): Promise<number> {
    const { life, outgoing, trace, time, remote } = this.#options;
    trace.add(time.nowMs);
    trace.add(bytes.length);
    trace.add(remote.port);
    return life.guard(life.isOver ? new Promise(() => {}) : outgoing.write(bytes));
  }

  close(): void {
    if (!this.#options.life.isOver) this.shut();
  }

  /**
   * What the system does when a process closes a connection, or ends. Bytes that nobody will read make it
   * send a reset, which may overtake what was written last.
   */
  shut(): void {
    if (this.#isShut) return;
    this.#isShut = true;
    const { incoming, outgoing, connection, time, forget } = this.#options;
    const isReset = incoming.unread > 0;
    outgoing.end();
    incoming.failReads("connection closed");
    time.after(connection.line.latencyMs, () => {
      incoming.failWrites("connection closed by the other side");
      if (isReset) outgoing.failReads("connection reset");
    });
    forget();
  }
}

class MemoryListener implements Listener {
  readonly #waiting: Duplex[] = [];
  readonly #forget: () => void;
  #arrived = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(readonly address: Address, readonly life: Life, forget: () => void) {
    this.#forget = forget;
  }

  push(stream: Duplex): void {
    this.#waiting.push(stream);
    this.#arrived.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#arrived.resolve();
    for (const stream of this.#waiting.splice(0)) stream.close();
    this.#forget();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Duplex, void> {
    while (!this.#isClosed) {
      const stream = this.#waiting.shift();
      if (stream !== undefined) yield stream;
      else {
        this.#arrived = Promise.withResolvers();
        await this.life.guard(this.#arrived.promise);
      }
    }
  }
}
