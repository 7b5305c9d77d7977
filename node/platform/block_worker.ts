/**
 * The body of a block worker: a thread that hashes, verifies and writes with synchronous file calls.
 *
 * The first message sets it up; every other one is a job and gets one reply, in order. What goes wrong
 * with a file is part of the answer. An exception is a defect of the program and rejects that job alone.
 */

import { KeyPair } from "../content/identity.ts";
import { Folders } from "../store/folders.ts";
import type { Job, JobKind, Jobs, Reply, Setup } from "./block_jobs.ts";
import { land, OpenParts } from "./block_landing.ts";
import { hashFile, hashRange, signRange, verifyRange, verifySignatures } from "./block_reading.ts";
import { fileCalls } from "./file_calls.ts";
import { place } from "./place.ts";

/** What a worker's global scope has; the type checker sees that of a main thread. */
interface WorkerScope {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: Reply, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }: MessageEvent<Setup>) => {
  const worker = new BlockWorker(data);
  scope.onmessage = ({ data }: MessageEvent<Job>) => {
    const reply = worker.reply(data);
    scope.postMessage(reply, data.kind === "land" ? [data.input.buffer] : []);
  };
};

class BlockWorker {
  readonly #root: string;
  readonly #keys: KeyPair | undefined;
  readonly #parts = new OpenParts();

  constructor({ root, seed }: Setup) {
    this.#root = root;
    this.#keys = seed === undefined ? undefined : KeyPair.fromSeed(seed);
  }

  reply(job: Job): Reply {
    try {
      return { answer: this.#answer(job) };
    } catch (error) {
      return { defect: error instanceof Error ? error.message : String(error) };
    }
  }

  #answer({ kind, input }: Job): Jobs[JobKind][1] {
    switch (kind) {
      case "hashFiles":
        return input.files.map((file) => hashFile(file, input.sign ? this.#keys : undefined));
      case "hashRange":
        return hashRange(input.range, input.count);
      case "signRange":
        return signRange(input, this.#keys!);
      case "verifyRange":
        return verifyRange(input.range, input.hashes);
      case "verifySignatures":
        return verifySignatures(input);
      case "land":
        return {
          buffer: input.buffer,
          outcomes: land(input, { root: this.#root, parts: this.#parts }),
        };
      case "promote":
        return place(input, new Folders(this.#root, fileCalls));
      case "release":
        this.#parts.release(input.path);
        return undefined;
    }
  }
}
