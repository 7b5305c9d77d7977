/** Test support, imported by tests only: made-up entries, and nodes that call over a network in memory. */

import { assert } from "@std/assert";
import { Connection } from "../protocol/connection.ts";
import { handshake } from "../protocol/handshake.ts";
import { HEADER_SIZE } from "../protocol/header.ts";
import { frameSize } from "../protocol/messages.ts";
import type { BodyOf, MessageOf } from "../protocol/messages.ts";
import type { Address, Clock, Duplex, Identity, Listener, Network } from "../protocol/ports.ts";
import { duplexPair, seededRandom } from "../protocol/testing.ts";
import type { SwarmNode } from "./entries.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { RegistryLimits } from "./limits.ts";
import { Registry } from "./registry.ts";
import type { AnnouncedFile } from "./registry.ts";

/** The smallest block size that there is. */
export const BLOCK_SIZE = 16 * 1024;

/** Of the eight blocks of `fileOf`: one, and none. */
export const PARTIAL = new Uint8Array([0x80]);
export const NONE = new Uint8Array([0]);

/** 32 bytes that are different for each number. */
export function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

/** A file of eight blocks of which everything is held, unless `changes` say otherwise. */
export function fileOf(number: number, changes: Partial<AnnouncedFile> = {}): AnnouncedFile {
  return {
    id: idOf(number),
    size: 8 * BLOCK_SIZE,
    name: `file-${number}`,
    blockSize: BLOCK_SIZE,
    publisher: idOf(1),
    have: new Uint8Array(0),
    ...changes,
  };
}

/** An identity whose signatures anybody could make; `verifyStub` accepts them. */
export function stubIdentity(number: number): Identity {
  const nodeId = idOf(number);
  return { nodeId, sign: () => new Uint8Array(64).fill(nodeId[3]!) };
}

/** Accepts the signatures of `stubIdentity`. */
export function verifyStub(nodeId: Uint8Array, _: Uint8Array, signature: Uint8Array): boolean {
  return signature.every((byte) => byte === nodeId[3]);
}

/** An empty registry. */
export function registryOf(limits: RegistryLimits = DEFAULT_LIMITS): Registry {
  return new Registry({ random: seededRandom(1), limits });
}

/** Lists a node whose port is its number. */
export function join(registry: Registry, number: number, nowMs = 0): SwarmNode {
  return registry.join(idOf(number), { host: "192.0.2.1", port: number }, nowMs);
}

/** All files that `match`, page by page. */
export function allFiles(registry: Registry, match = ""): BodyOf<"files">["files"][number][] {
  const files = [];
  let after = 0;
  do {
    const page = registry.listFiles({ after, match });
    assert(frameSize({ type: "files", ...page }) <= HEADER_SIZE + 64 * 1024);
    assert(page.next === 0 || page.next > after, "the cursor does not move");
    files.push(...page.files);
    after = page.next;
  } while (after !== 0);
  return files;
}

/** All nodes, page by page. */
export function allNodes(registry: Registry): BodyOf<"nodes">["nodes"][number][] {
  const nodes = [];
  let after = 0;
  do {
    const page = registry.listNodes({ after });
    assert(frameSize({ type: "nodes", ...page }) <= HEADER_SIZE + 64 * 1024);
    nodes.push(...page.nodes);
    after = page.next;
  } while (after !== 0);
  return nodes;
}

/** One listener, reached by whoever connects; every stream is a pair in memory. */
export class MemoryNetwork implements Network {
  #listener: MemoryListener | undefined;

  connect(): Promise<Duplex> {
    if (this.#listener === undefined || this.#listener.isClosed) {
      return Promise.reject(new Error("connection refused"));
    }
    const [near, far] = duplexPair();
    this.#listener.arrive(far);
    return Promise.resolve(near);
  }

  listen(address: Address): Listener {
    return this.#listener = new MemoryListener(address);
  }
}

class MemoryListener implements Listener {
  readonly #waiting: Duplex[] = [];
  #changed = Promise.withResolvers<void>();
  isClosed = false;

  constructor(readonly address: Address) {}

  arrive(stream: Duplex): void {
    this.#waiting.push(stream);
    this.#signal();
  }

  close(): void {
    this.isClosed = true;
    this.#signal();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Duplex> {
    while (!this.isClosed) {
      const stream = this.#waiting.shift();
      if (stream === undefined) await this.#changed.promise;
      else yield stream;
    }
  }

  #signal(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** A node as a test plays it: it says what the test tells it to, and counts the stops it gets. */
export class TestNode implements Disposable {
  stopCount = 0;

  private constructor(readonly connection: Connection, readonly number: number) {}

  /** Connects the node of that number. */
  static async connect(network: Network, number: number, clock: Clock): Promise<TestNode> {
    const connection = new Connection(await network.connect({ host: "192.0.2.2", port: 2 }));
    await handshake(connection, {
      identity: stubIdentity(number),
      role: "peer",
      agent: "test",
      expect: "tracker",
      verify: verifyStub,
      nonce: new Uint8Array(32),
      clock,
    });
    const node = new TestNode(connection, number);
    void connection.run(({ message }) => {
      if (message.type === "stop") node.stopCount++;
    });
    return node;
  }

  /** Announces these and no other files, all in one page; resolves with the acknowledgement. */
  announce(...files: AnnouncedFile[]): Promise<MessageOf<"announced">> {
    const page = { port: 5000 + this.number, first: true, last: true, files };
    return this.connection.request({ type: "announce", ...page }, "announced");
  }

  async terminated(): Promise<void> {
    await this.connection.request({ type: "terminated" }, "ok");
  }

  /** The ports of all nodes that the tracker lists. */
  async listedPorts(): Promise<number[]> {
    const { nodes } = await this.connection.request({ type: "listNodes", after: 0 }, "nodes");
    return nodes.map(({ port }) => port);
  }

  /** The names of all files that the tracker lists. */
  async listedNames(): Promise<string[]> {
    const question = { type: "listFiles", after: 0, match: "" } as const;
    const { files } = await this.connection.request(question, "files");
    return files.map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}
