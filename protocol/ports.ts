/**
 * What the program needs of the world, as types only: time, randomness and byte streams.
 *
 * Everything outside `main.ts` and `node/platform/` receives these as parameters, so that a test can
 * hand in a seeded clock, an in-memory network and a disk that fails on demand.
 */

/** A monotonic clock and its timers. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. It never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1), like `Math.random`. */
export type Random = () => number;

/** Where the other end of a stream is, as this side observed it. */
export interface Address {
  /** An IP address in its usual notation, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A byte stream in both directions: a TCP connection, or one end of a pair in memory. */
export interface Duplex {
  readonly remote: Address;
  /** Reads at most `into.length` bytes into `into`; `null` at the end. Throws when the stream broke. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some bytes from the front of `bytes` and answers how many. Throws when the stream broke. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions at once. A second call does nothing. */
  close(): void;
}

/** Accepts incoming streams until it is closed. */
export interface Listener extends AsyncIterable<Duplex> {
  readonly address: Address;
  close(): void;
}

/** Opens and accepts streams. */
export interface Network {
  /** Rejects with a plain reason ("connection refused") when no stream can be had. */
  connect(address: Address, signal?: AbortSignal): Promise<Duplex>;
  /** Port 0 picks a free one. Throws when the port is taken. */
  listen(address: Address): Listener;
}

/** A node's long-lived Ed25519 key pair (RFC 8032), seen from the outside. */
export interface Identity {
  /** The public key, 32 bytes. It names the node everywhere. */
  readonly nodeId: Uint8Array;
  /** A signature of 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** Whether `signature` is `nodeId`'s over `message`. Never throws, whatever the bytes are. */
export type VerifySignature = (
  nodeId: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** One line of what happened, for whoever runs the node. */
export type Log = (line: string) => void;
