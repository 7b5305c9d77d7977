/** The body of the thread that changes synced folders. The first message only starts it, every other is a job. */

import type { ChangeJob, ChangeReply } from "./change_jobs.ts";
import { makeChanges } from "./change_making.ts";

/** What a worker's global scope has; the type checker sees that of a main thread. */
interface WorkerScope {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: ChangeReply): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = () => {
  scope.onmessage = ({ data }: MessageEvent<ChangeJob>) => scope.postMessage(replyTo(data));
};

function replyTo({ input }: ChangeJob): ChangeReply {
  try {
    return { answer: makeChanges(input) };
  } catch (error) {
    return { defect: error instanceof Error ? error.message : String(error) };
  }
}
