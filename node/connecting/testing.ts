/**
 * Test support, imported by tests only: what it takes to run a server over streams in memory, and to greet it as a
 * client whose requests the test makes itself.
 */

import { Connection } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Role } from "../../protocol/handshake.ts";
import type { Address, Duplex, Listener, Network } from "../../protocol/ports.ts";
import { duplexPair, settled } from "../../protocol/testing.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { KeyPair, verify } from "../content/identity.ts";
import type { ServerOptions } from "./server.ts";

/** Milliseconds in which each server lets time pass at least once. */
const STEP_MS = 500;

/** A network of one listener. */
export class OneListener implements Network {
  #waiting: Duplex[] = [];
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  connect(_address: Address): Promise<Duplex> {
    const [mine, theirs] = duplexPair();
    this.#waiting.push(theirs);
    this.#signal();
    return Promise.resolve(mine);
  }

  listen(address: Address): Listener {
    const accept = () => this.#accept();
    return {
      address,
      close: () => {
        this.#isClosed = true;
        this.#signal();
      },
      [Symbol.asyncIterator]: accept,
    };
  }

  async *#accept(): AsyncGenerator<Duplex, void> {
    for (;;) {
      const stream = this.#waiting.shift();
      if (stream !== undefined) yield stream;
      else if (this.#isClosed) return;
      else await this.#changed.promise;
    }
  }

  #signal(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What a server is run with wherever it does not matter to a test. */
export function serverOptions(
  chosen: Pick<ServerOptions, "clock" | "network" | "log" | "signal">,
): ServerOptions {
  return {
    port: 7000,
    host: "127.0.0.1",
    identity: keyPair(255),
    nonce: () => new Uint8Array(32),
    verify,
    agent: "test",
    onListening: () => {},
    ...chosen,
  };
}

/** Lets time pass for a server, and all that happens in it. */
export async function passTime(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) await clock.advance(STEP_MS);
  await settled();
}

export interface TestGreeting {
  /** The client's number; each has its own key. */
  readonly number: number;
  /** What the client is, and what the server must be. */
  readonly role: Role;
  readonly expect: Role;
}

/** Greets the server at the other end of a stream. Throws where it does not take this client. */
export async function greet(
  stream: Duplex,
  { number, role, expect }: TestGreeting,
): Promise<Connection> {
  const connection = new Connection(stream);
  await handshake(connection, {
    identity: keyPair(number),
    role,
    expect,
    agent: "test",
    verify,
    nonce: new Uint8Array(32).fill(number),
    clock: new ManualClock(),
  });
  return connection;
}

function keyPair(number: number): KeyPair {
  return KeyPair.fromSeed(new Uint8Array(32).fill(number));
}
