/** The body of the thread that watches a folder. The first message names the folder, every other asks for a hint. */

import { reasonOf } from "./disk_failure.ts";
import { watchPaths } from "./folder_watch.ts";
import type { WatchAnswer } from "./watch_jobs.ts";
import type { WorkerReply } from "./worker_pool.ts";

/** What a worker's global scope has; the type checker sees that of a main thread. */
interface WorkerScope {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: WorkerReply<WatchAnswer>): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: root }: MessageEvent<string>) => {
  // Whoever does not want hints any more ends the thread.
  const hints = watchPaths(root, new AbortController().signal);
  scope.onmessage = async () => scope.postMessage({ answer: await nextOf(hints) });
};

async function nextOf(hints: ReturnType<typeof watchPaths>): Promise<WatchAnswer> {
  try {
    const { done, value } = await hints.next();
    return done ? { failure: "the watcher has ended" } : { hint: value };
  } catch (error) {
    return { failure: reasonOf(error) };
  }
}
