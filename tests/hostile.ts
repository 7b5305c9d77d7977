/**
 * A tracker and a peer that a test plays itself, over real sockets, to see what the compiled binary does
 * with others that do not play by the rules. Both know who they are and greet as they should; after that
 * they say what the test wants.
 */

import { Bitfield } from "../protocol/bitfield.ts";
import { Connection, type Receive } from "../protocol/connection.ts";
import { ErrorCode } from "../protocol/errors.ts";
import { handshake, type Role } from "../protocol/handshake.ts";
import type { Message, MessageOf } from "../protocol/messages.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Address, Listener } from "../protocol/ports.ts";
import { KeyPair, verify } from "../node/content/identity.ts";
import type { Manifest } from "../node/content/manifest.ts";
import { signBlock } from "../node/content/signing.ts";
import { blockCount, blockSizeFor, TreeHasher } from "../node/content/tree.ts";
import { systemClock } from "../node/platform/clock.ts";
import { tcpNetwork } from "../node/platform/network.ts";
import { HOST } from "./swarm.ts";

export type AnnouncedFile = MessageOf<"announce">["files"][number];
export type TrackedFile = MessageOf<"files">["files"][number];

/** A file as a node offers it. */
export interface OfferedFile {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

/** The file that an honest publisher would make of these bytes. */
export function publish(name: string, bytes: Uint8Array, publisher = KeyPair.generate()) {
  const size = bytes.length;
  const blockSize = blockSizeFor(size);
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  const { id, hashes } = hasher.digest();
  const signatures = new Uint8Array(2 * hashes.length);
  for (let index = 0; index < blockCount(size, blockSize); index++) {
    const hash = hashes.subarray(32 * index, 32 * index + 32);
    signatures.set(signBlock(publisher, { id, size, index, hash }), 64 * index);
  }
  const manifest = { id, name, size, blockSize, publisher: publisher.nodeId, hashes, signatures };
  return { manifest, bytes };
}

/** What a file looks like in an announcement. */
export function described({ manifest }: OfferedFile): AnnouncedFile {
  const { id, name, size, blockSize, publisher } = manifest;
  const have = Bitfield.all(blockCount(size, blockSize)).encode();
  return { id, name, size, blockSize, publisher, have };
}

/** A node of the test's own: greets whoever connects, and leaves the rest to `receive`. */
abstract class OwnNode implements AsyncDisposable {
  readonly identity = KeyPair.generate();
  readonly #listener: Listener;
  readonly #connections = new Set<Connection>();
  readonly #running: Promise<void>[] = [];

  constructor(readonly role: Role) {
    this.#listener = tcpNetwork.listen({ host: HOST, port: 0 });
    this.#running.push(this.#accept());
  }

  get address(): Address {
    return this.#listener.address;
  }

  /** The start of the node's id, as logs name it. */
  get label(): string {
    return toHex(this.identity.nodeId).slice(0, 12);
  }

  protected abstract receive(connection: Connection): Receive;

  /** A connection to another node, greeted, that takes answers. */
  async dial(port: number, expect: Role): Promise<Connection> {
    const connection = new Connection(await tcpNetwork.connect({ host: HOST, port }));
    await this.#greet(connection, expect);
    this.#run(connection, () => {});
    return connection;
  }

  async #accept(): Promise<void> {
    for await (const stream of this.#listener) {
      const connection = new Connection(stream);
      this.#connections.add(connection);
      this.#running.push(
        this.#greet(connection, "peer").then(
          () => this.#run(connection, this.receive(connection)),
          () => {},
        ),
      );
    }
  }

  async #greet(connection: Connection, expect: Role): Promise<void> {
    this.#connections.add(connection);
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const { identity, role } = this;
    const clock = systemClock;
    await handshake(connection, { identity, role, agent: "test", expect, verify, nonce, clock });
  }

  #run(connection: Connection, receive: Receive): void {
    this.#running.push(connection.run(receive).then(() => {}));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    for (const running of this.#running) await running;
  }
}

/** Answers one request in another way than an honest peer. Answers whether it did. */
export type Misbehaviour = (
  message: Message,
  answer: { readonly connection: Connection; readonly request: number },
) => boolean;

/** A peer that says that it holds these files, and sends them as they are given. */
export class OwnPeer extends OwnNode {
  readonly #files: readonly OfferedFile[];
  readonly #misbehave: Misbehaviour;
  /** What it was asked for. */
  readonly asked: Message[] = [];

  constructor(files: readonly OfferedFile[], misbehave: Misbehaviour = () => false) {
    super("peer");
    this.#files = files;
    this.#misbehave = misbehave;
  }

  /**
   * Joins a swarm with its files, or with other descriptions of them. Rejects with the tracker's reason
   * when that refuses them.
   */
  async join(port: number, files = this.#files.map(described)): Promise<void> {
    const tracker = await this.dial(port, "tracker");
    const announce = {
      type: "announce",
      port: this.address.port,
      first: true,
      last: true,
    } as const;
    await tracker.request({ ...announce, files }, "announced");
  }

  protected override receive(connection: Connection): Receive {
    return ({ message, request }) => {
      this.asked.push(message);
      if (!this.#misbehave(message, { connection, request })) {
        this.#answer(message, connection, request);
      }
    };
  }

  #answer(message: Message, connection: Connection, request: number): void {
    switch (message.type) {
      case "open": {
        const have = described(this.#find(message)!).have;
        return connection.send({ type: "opened", have }, request);
      }
      case "getManifest":
        return sendManifest(this.#find(message)!.manifest, connection, request);
      case "getBlock": {
        const { bytes, manifest: { blockSize } } = this.#find(message)!;
        const block = bytes.subarray(message.index * blockSize, (message.index + 1) * blockSize);
        void connection.sendChunk({ type: "blockData", offset: 0 }, request, block).catch(() => {});
        return;
      }
      case "getWhole":
        for (const [position, ref] of message.files.entries()) {
          const file = this.#find(ref);
          if (file === undefined) connection.send({ type: "missing", position }, request);
          else sendWhole(file, position, { connection, request });
        }
        return;
      case "cancel":
      case "close":
      case "have":
        return;
      default:
        connection.refuse(request, ErrorCode.unexpected, `the test does not know ${message.type}`);
    }
  }

  #find({ id, size }: { id: Uint8Array; size: number }): OfferedFile | undefined {
    return this.#files.find(({ manifest }) =>
      toHex(manifest.id) === toHex(id) && manifest.size === size
    );
  }
}

/** Files of one page; a chunk of 1 MiB has room for ten thousand blocks. */
function sendManifest(manifest: Manifest, connection: Connection, request: number): void {
  const { name, blockSize, publisher, hashes, signatures } = manifest;
  const count = hashes.length / 32;
  const chunk = new Uint8Array(96 * count);
  for (let index = 0; index < count; index++) {
    chunk.set(hashes.subarray(32 * index, 32 * index + 32), 96 * index);
    chunk.set(signatures.subarray(64 * index, 64 * index + 64), 96 * index + 32);
  }
  const message = { type: "manifest", name, blockSize, publisher } as const;
  void connection.sendChunk(message, request, chunk).catch(() => {});
}

function sendWhole(
  { manifest, bytes }: OfferedFile,
  position: number,
  { connection, request }: { connection: Connection; request: number },
): void {
  const { name, blockSize, publisher, signatures: signature } = manifest;
  const message = { type: "whole", position, name, blockSize, publisher, signature } as const;
  void connection.sendChunk(message, request, bytes).catch(() => {});
}

/** A tracker that greets, and then answers nothing. */
export class MuteTracker extends OwnNode {
  readonly #asked = Promise.withResolvers<void>();

  constructor() {
    super("tracker");
  }

  /** Resolves when somebody has asked something. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  protected override receive(): Receive {
    return () => this.#asked.resolve();
  }
}

/** A tracker that answers every question for files with the same list, and names one holder of each. */
export class OwnTracker extends OwnNode {
  readonly #files: readonly TrackedFile[];
  readonly #holder: OwnPeer;
  readonly #next: number;

  /** @param next What it says is the next page of the list; 0, the default, for none. */
  constructor(files: readonly TrackedFile[], holder: OwnPeer, { next = 0 } = {}) {
    super("tracker");
    this.#files = files;
    this.#holder = holder;
    this.#next = next;
  }

  protected override receive(connection: Connection): Receive {
    return ({ message, request }) => {
      if (request !== 0) connection.send(this.#answerTo(message), request);
    };
  }

  #answerTo(message: Message): Message {
    switch (message.type) {
      case "announce":
        return { type: "announced", ttlMs: 30_000, nodeCount: 1 };
      case "listFiles":
        return { type: "files", files: this.#files, next: this.#next };
      case "listNodes":
        return { type: "nodes", nodes: [], next: 0 };
      case "findHolders":
      case "progress": {
        const { identity: { nodeId }, address: { host, port } } = this.#holder;
        const holders = [{ nodeId, host, port, have: new Uint8Array(0) }];
        return { type: "holders", seeders: 1, leechers: 0, holders };
      }
      default:
        return { type: "ok" };
    }
  }
}
