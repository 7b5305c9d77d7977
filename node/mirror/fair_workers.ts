/**
 * The workers of a mirror server, and the bounded queue that they take their jobs from.
 *
 * Each source has a lane of the queue. Workers go round the lanes, and none gets more than its share of them as
 * long as others have something to do. One job at a time every lane may have in any case, whatever the number
 * of workers, so that sources which are slow or silent never hold up another.
 */

/** Something that a worker does. It never rejects. */
export type Job = () => Promise<void>;

export interface FairWorkersOptions {
  /** How many jobs run at once, unless there are more lanes than that. */
  readonly workers: number;
  /** How many jobs may wait in a lane. */
  readonly queue: number;
}

/** A lane of the queue. */
export interface Lane extends Disposable {
  /**
   * Adds a job; waits while the lane is full. Rejects with the signal's reason, and when the lane was closed.
   */
  put(job: Job, signal: AbortSignal): Promise<void>;
}

interface OpenLane {
  readonly jobs: Job[];
  runningCount: number;
  isClosed: boolean;
  /** Resolved when there may be room for another job, or the lane was closed. */
  changed: PromiseWithResolvers<void>;
}

export class FairWorkers {
  readonly #options: FairWorkersOptions;
  /** The one whose turn is next comes first. */
  #lanes: OpenLane[] = [];
  #runningCount = 0;

  constructor(options: FairWorkersOptions) {
    this.#options = options;
  }

  /** Opens a lane. When it is closed, jobs that wait in it are forgotten. */
  openLane(): Lane {
    const lane: OpenLane = {
      jobs: [],
      runningCount: 0,
      isClosed: false,
      changed: Promise.withResolvers(),
    };
    this.#lanes.push(lane);
    return {
      put: (job, signal) => this.#put(lane, job, signal),
      [Symbol.dispose]: () => this.#close(lane),
    };
  }

  async #put(lane: OpenLane, job: Job, signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake(lane);
    signal.addEventListener("abort", wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        if (lane.isClosed) throw new Error("Cannot queue a job: its lane is closed");
        if (lane.jobs.length < this.#options.queue) break;
        await lane.changed.promise;
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
    lane.jobs.push(job);
    this.#startJobs();
  }

  #close(lane: OpenLane): void {
    lane.isClosed = true;
    lane.jobs.length = 0;
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    this.#wake(lane);
    this.#startJobs();
  }

  #wake(lane: OpenLane): void {
    lane.changed.resolve();
    lane.changed = Promise.withResolvers();
  }

  #startJobs(): void {
    for (let lane; (lane = this.#nextLane()) !== undefined;) {
      void this.#run(lane, lane.jobs.shift()!);
    }
  }

  /** A lane that may start a job now; its next turn comes after those of all others. */
  #nextLane(): OpenLane | undefined {
    const { workers } = this.#options;
    const isBusy = ({ jobs, runningCount }: OpenLane) => jobs.length + runningCount > 0;
    const share = Math.ceil(workers / this.#lanes.filter(isBusy).length);
    const at = this.#lanes.findIndex(({ jobs, runningCount }) =>
      jobs.length > 0 &&
      (runningCount === 0 || runningCount < share && this.#runningCount < workers)
    );
    if (at === -1) return undefined;
    const [lane] = this.#lanes.splice(at, 1);
    this.#lanes.push(lane!);
    return lane;
  }

  async #run(lane: OpenLane, job: Job): Promise<void> {
    lane.runningCount++;
    this.#runningCount++;
    this.#wake(lane);
    try {
      await job();
    } finally {
      lane.runningCount--;
      this.#runningCount--;
      this.#startJobs();
    }
  }
}
