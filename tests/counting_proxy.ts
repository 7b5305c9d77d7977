/**
 * A proxy on loopback between a device and its server: counts the bytes in both directions, slows them
 * down, holds them back, and cuts connections.
 *
 *     await using proxy = new CountingProxy(sync.port);
 *     await sync.startDevice("laptop", { port: proxy.port });
 *
 * A test that needs a transfer to be in its middle sets `upMax` or `downMax`: however long it takes itself to
 * get there, the transfer waits for it.
 */

import { HOST } from "./swarm.ts";

const PIECE_SIZE = 64 * 1024;
/** How often a direction that is held back looks whether it may go on. */
const HELD_LOOK_MS = 10;

type Direction = "up" | "down";

export class CountingProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: HOST, port: 0 });
  readonly #targetPort: number;
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<void>;
  /** Bytes that passed from the device to the server, and back. */
  up = 0;
  down = 0;
  /** Bytes a second in each direction of a connection; all that there are when undefined. */
  limit: number | undefined;
  /** When so many bytes have passed in a direction, or a piece more, nothing passes until there may be more. */
  upMax = Infinity;
  downMax = Infinity;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#running = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Bytes that passed in both directions. */
  get total(): number {
    return this.up + this.down;
  }

  /** Ends all connections; new ones are accepted. */
  cut(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    try {
      for await (const device of this.#listener) passing.push(this.#connect(device));
    } catch {
      // Closed while it waited.
    }
    await Promise.all(passing);
  }

  async #connect(device: Deno.Conn): Promise<void> {
    this.#connections.add(device);
    try {
      const server = await Deno.connect({ hostname: HOST, port: this.#targetPort });
      this.#connections.add(server);
      await Promise.all([
        this.#pass(device, server, "up"),
        this.#pass(server, device, "down"),
      ]);
    } catch {
      close(device);
    }
  }

  async #pass(from: Deno.Conn, to: Deno.Conn, direction: Direction): Promise<void> {
    const buffer = new Uint8Array(PIECE_SIZE);
    try {
      while (true) {
        while (this.#isHeld(direction) && this.#connections.has(to)) await sleep(HELD_LOOK_MS);
        const count = await from.read(buffer);
        if (count === null) break;
        this[direction] += count;
        await writeAll(to, buffer.subarray(0, count));
        if (this.limit !== undefined) await sleep(count / this.limit * 1000);
      }
    } catch {
      // One of the two is gone; so is the other now.
    }
    for (const connection of [from, to]) {
      close(connection);
      this.#connections.delete(connection);
    }
  }

  #isHeld(direction: Direction): boolean {
    return this[direction] >= (direction === "up" ? this.upMax : this.downMax);
  }
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await to.write(bytes.subarray(written));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
