/**
 * The body of a thread that works for the stages of a process: hashes, verifies, reads and writes contents with
 * synchronous file calls.
 *
 * The first message starts it; every other one is a job and gets one reply, in order. What goes wrong with a
 * file is part of the answer. An exception is a defect of the program and rejects that job alone.
 */

import { OpenParts } from "./block_landing.ts";
import { hashRange, verifyRange } from "./block_reading.ts";
import { copyContents, makeDurable, readContents, removeFiles } from "./stage_contents.ts";
import { hashFiles, hashIntoBuffer, takeSnapshot, writeContents } from "./stage_contents.ts";
import { cutFileRange, cutFileRun, hashFileLeaves } from "./stage_cutting.ts";
import type { StageJob, StageJobs } from "./stage_jobs.ts";
import { assemble, finishPart, landBlock, makePart, writeRanges } from "./stage_parts.ts";
import type { WorkerReply } from "./worker_pool.ts";

type Answer = StageJobs[keyof StageJobs][1];

/** What a worker's global scope has; the type checker sees that of a main thread. */
interface WorkerScope {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: WorkerReply<Answer>, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
const parts = new OpenParts();

scope.onmessage = () => {
  scope.onmessage = ({ data }: MessageEvent<StageJob>) => {
    const reply = replyTo(data);
    scope.postMessage(reply, "buffer" in data.input ? [data.input.buffer] : []);
  };
};

function replyTo(job: StageJob): WorkerReply<Answer> {
  try {
    return { answer: answer(job) };
  } catch (error) {
    return { defect: error instanceof Error ? error.message : String(error) };
  }
}

function answer({ kind, input }: StageJob): Answer {
  switch (kind) {
    case "hashFiles":
      return hashFiles(input);
    case "hashIntoBuffer":
      return hashIntoBuffer(input);
    case "hashRange":
      return hashRange(input.range, input.count);
    case "verifyRange":
      return verifyRange(input.range, input.hashes);
    case "read":
      return readContents(input);
    case "write":
      return writeContents(input);
    case "copy":
      return copyContents(input);
    case "snapshot":
      return takeSnapshot(input);
    case "makePart":
      return makePart(input);
    case "land":
      return landBlock(input, parts);
    case "assemble":
      return assemble(input, parts);
    case "writeRanges":
      return writeRanges(input, parts);
    case "finish":
      return finishPart(input);
    case "release":
      parts.release(input.path);
      return undefined;
    case "makeDurable":
      return makeDurable(input.paths);
    case "remove":
      removeFiles(input.paths);
      return undefined;
    case "hashLeaves":
      return hashFileLeaves(input.path, input.range);
    case "cutRange":
      return cutFileRange(input.path, input.range);
    case "cutRun":
      return cutFileRun(input.path, input.range);
  }
}
