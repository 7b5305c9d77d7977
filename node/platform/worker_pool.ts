/**
 * A pool of workers: starts them when there is work and hands each job to the one with least to do.
 *
 * A worker is given its next job while it still does one, so that it never waits for the main thread.
 * Another worker starts only for a job that would have to wait: it costs as much as hashing 50 MB. Each
 * answers in the order in which it was asked.
 */

/** Each kind of job: what it is given, and what it answers. */
type JobTable<Jobs> = { [Kind in keyof Jobs]: [input: unknown, answer: unknown] };

/** What a worker sends back: the answer, or why there is none. */
export type WorkerReply<Answer> = { readonly answer: Answer } | { readonly defect: string };

/** How many jobs a worker holds: the one that it does and the next. */
const JOBS_HELD = 2;

interface Task {
  readonly job: { readonly kind: PropertyKey; readonly input: unknown };
  readonly transfer: Transferable[];
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** A worker and the jobs that it has not answered, oldest first. */
interface Slot {
  readonly worker: Worker;
  readonly held: Task[];
}

/** How a pool works. */
export interface WorkerPoolOptions {
  /** The module that the workers run. */
  readonly script: URL;
  /** What each worker is told first. */
  readonly setup: unknown;
  /** How many workers there are at most. */
  readonly size: number;
  /** What a worker is called in errors. */
  readonly name: string;
}

/** Workers that do the jobs of the table `Jobs`. */
export class WorkerPool<Jobs extends JobTable<Jobs>> implements Disposable {
  readonly #options: WorkerPoolOptions;
  readonly #slots: Slot[] = [];
  /** Jobs that no worker has room for. The callers bound it: each waits for its answers. */
  readonly #waiting: Task[] = [];
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Starts so many workers now, or all; it takes some tens of milliseconds until they can work. */
  warmUp(count = 1): void {
    const wanted = this.#closed ? 0 : Math.min(count, this.#options.size);
    while (this.#slots.length < wanted) this.#start();
  }

  /** Whether there is a worker. */
  get isRunning(): boolean {
    return this.#slots.length > 0;
  }

  /** Has a job done by the next free worker. Rejects where that worker crashes or the pool is closed. */
  run<K extends keyof Jobs>(
    kind: K,
    input: Jobs[K][0],
    transfer: Transferable[] = [],
  ): Promise<Jobs[K][1]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closedError());
      this.#waiting.push({ job: { kind, input }, transfer, resolve, reject } as Task);
      this.#assign();
    });
  }

  /** Has a job done by every worker that is running, after what each holds already. */
  async runOnAll<K extends keyof Jobs>(kind: K, input: Jobs[K][0]): Promise<void> {
    await Promise.all(this.#slots.map((slot) =>
      new Promise((resolve, reject) => {
        give(slot, { job: { kind, input }, transfer: [], resolve, reject });
      })
    ));
  }

  /** Stops all workers at once; what they have not answered is rejected. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const slot of this.#slots.splice(0)) {
      slot.worker.terminate();
      rejectAll(slot.held, this.#closedError());
    }
    rejectAll(this.#waiting, this.#closedError());
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) return;
      give(slot, this.#waiting.shift()!);
    }
  }

  /** The worker for the next job: the one with least to do, or a new one where all have enough. */
  #freeSlot(): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots) {
      if (best === undefined || slot.held.length < best.held.length) best = slot;
    }
    if (best !== undefined && best.held.length < JOBS_HELD) return best;
    return this.#slots.length < this.#options.size ? this.#start() : undefined;
  }

  #start(): Slot {
    const worker = new Worker(this.#options.script, { type: "module" });
    const slot: Slot = { worker, held: [] };
    worker.onmessage = ({ data }: MessageEvent<WorkerReply<unknown>>) => {
      const task = slot.held.shift()!;
      if ("defect" in data) {
        task.reject(new Error(`Cannot do ${String(task.job.kind)}: ${data.defect}`));
      } else task.resolve(data.answer);
      this.#assign();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#remove(slot, event.message);
    };
    worker.postMessage(this.#options.setup);
    this.#slots.push(slot);
    return slot;
  }

  /** Takes a crashed worker out; the next job starts another one. */
  #remove(slot: Slot, reason: string): void {
    const position = this.#slots.indexOf(slot);
    if (position === -1) return;
    this.#slots.splice(position, 1);
    slot.worker.terminate();
    const { name } = this.#options;
    rejectAll(slot.held, new Error(`Cannot go on: a ${name} crashed: ${reason}`));
    this.#assign();
  }

  #closedError(): Error {
    return new Error(`Cannot go on: the ${this.#options.name}s are stopped`);
  }
}

function give(slot: Slot, task: Task): void {
  try {
    slot.worker.postMessage(task.job, task.transfer);
  } catch (error) {
    // A buffer that is away already cannot be transferred; that is this job's failure alone.
    return task.reject(error as Error);
  }
  slot.held.push(task);
}

function rejectAll(tasks: Task[], error: Error): void {
  for (const task of tasks.splice(0)) task.reject(error);
}
