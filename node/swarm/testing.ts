/**
 * Test support, imported by tests only: small files with real manifests, a folder in memory, and links whose
 * other side the test plays itself.
 */

import { startScripted } from "../../protocol/testing.ts";
import type { Receive } from "../../protocol/connection.ts";
import { KeyPair } from "../content/identity.ts";
import type { Manifest } from "../content/manifest.ts";
import { signBlock } from "../content/signing.ts";
import { HASH_SIZE, LEAF_SIZE, TreeHasher } from "../content/tree.ts";
import type { FileState, Folder, FolderScan, OpenFile } from "../store/folder.ts";
import { randomBytes } from "../../tests/files.ts";
import { Link } from "./link.ts";

export interface SampleFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly manifest: Manifest;
}

/** A file with random bytes, cut into the smallest blocks, and signed. */
export function sampleFile(size: number, { name = "sample", seed = 1 } = {}): SampleFile {
  const bytes = randomBytes(size, seed);
  const blockSize = LEAF_SIZE;
  const hasher = new TreeHasher(blockSize);
  hasher.update(bytes);
  const { id, hashes } = hasher.digest();
  const publisher = KeyPair.fromSeed(new Uint8Array(32).fill(seed));
  const signatures = new Uint8Array(hashes.length * 2);
  for (let index = 0; index * HASH_SIZE < hashes.length; index++) {
    const hash = hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE);
    signatures.set(signBlock(publisher, { id, size, index, hash }), index * 64);
  }
  const manifest = { id, name, size, blockSize, publisher: publisher.nodeId, hashes, signatures };
  return { bytes, manifest };
}

/** A file of a `FolderInMemory`. Whoever changes the bytes says so with another stamp. */
export interface FileInMemory {
  bytes: Uint8Array;
  stamp: string;
}

/** A folder whose files are arrays. It counts what is open. */
export class FolderInMemory implements Folder {
  readonly root = "/memory";
  readonly files = new Map<string, FileInMemory>();
  readonly parts = new Map<string, FileInMemory>();
  openCount = 0;
  readCount = 0;
  /** Reads end when this is resolved. */
  pause: Promise<void> | undefined;

  scan(): Promise<FolderScan> {
    const files = [...this.files.keys()].map((name) => ({ name, ...this.state(name)! }));
    return Promise.resolve({ files, skipped: [] });
  }

  watch(): AsyncIterable<void> {
    throw new Error("The test did not expect the folder to be watched");
  }

  state(name: string): FileState | undefined {
    const file = this.files.get(name);
    return file && stateOf(file);
  }

  existing(names: readonly string[]): Set<string> {
    return new Set(names.filter((name) => this.files.has(name)));
  }

  open(name: string): OpenFile {
    return this.#open(this.files.get(name), name);
  }

  readWhole(name: string, { size, stamp }: FileState, into: Uint8Array): boolean {
    const file = this.files.get(name);
    if (file === undefined || file.stamp !== stamp || file.bytes.length !== size) return false;
    into.set(file.bytes);
    return true;
  }

  copy(from: string, to: string): Promise<void> {
    this.files.set(to, { ...this.files.get(from)! });
    return Promise.resolve();
  }

  pathOf(name: string): string {
    return `${this.root}/${name}`;
  }

  partPath(key: string): string {
    return `${this.root}/.p2pnode/${key}`;
  }

  partKeys(): string[] {
    return [...this.parts.keys()];
  }

  makePart(key: string, size: number): Promise<void> {
    this.parts.set(key, { bytes: new Uint8Array(size), stamp: "part" });
    return Promise.resolve();
  }

  openPart(key: string): OpenFile {
    return this.#open(this.parts.get(key), key);
  }

  removePart(key: string): Promise<void> {
    this.parts.delete(key);
    return Promise.resolve();
  }

  temporaryPath(): string {
    return `${this.root}/.p2pnode/temporary`;
  }

  #open(file: FileInMemory | undefined, name: string): OpenFile {
    if (file === undefined) throw new Error(`Cannot open ${name}: no such file`);
    this.openCount++;
    return {
      state: () => stateOf(file),
      read: async (into, offset) => {
        this.readCount++;
        await this.pause;
        if (offset + into.length > file.bytes.length) throw new Error("Cannot read: the file ends");
        into.set(file.bytes.subarray(offset, offset + into.length));
      },
      close: () => this.openCount--,
    };
  }
}

function stateOf({ bytes, stamp }: FileInMemory): FileState {
  return { size: bytes.length, stamp };
}

/** A link to a peer that the test plays. */
export function startLink(receive?: (link: Link) => Receive) {
  const handle: { receive: Receive | undefined } = { receive: undefined };
  const { connection, ended, script } = startScripted((frame, chunk) => {
    if (handle.receive === undefined) throw new Error(`Nobody expects ${frame.message.type}`);
    return handle.receive(frame, chunk);
  });
  const nodeId = new Uint8Array(32).fill(9);
  const link = new Link(connection, { nodeId, role: "peer", agent: "test" });
  handle.receive = receive?.(link);
  return { link, ended, script };
}
