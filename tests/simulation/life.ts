/**
 * One life of a simulated process, from its start to its end.
 *
 * A process that is killed stops between two instructions: no timer ends, nothing that it waited for
 * comes, no `finally` runs. So everything that a process of the simulation can wait for goes through its
 * life, which never answers once it has ended. What is left of the process is garbage.
 */

import type { Clock } from "../../protocol/ports.ts";
import type { VirtualTime } from "./virtual_time.ts";

export class Life {
  readonly time: VirtualTime;
  /** Clocks of different processes start at different points, as those of machines do. */
  readonly #clockOffset: number;
  #isOver = false;
  #sleeping = 0;

  constructor(time: VirtualTime, clockOffset: number) {
    this.time = time;
    this.#clockOffset = clockOffset;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sleeps that have not ended: what an orderly end must not leave behind. */
  get sleeping(): number {
    return this.#sleeping;
  }

  end(): void {
    this.#isOver = true;
  }

  /** What `promise` comes to, as long as the process lives. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isOver || resolve(value),
        (reason) => this.#isOver || reject(reason),
      );
    });
  }

  /** The clock that the process sees. */
  readonly clock: Clock = {
    now: () => this.time.nowMs + this.#clockOffset,
    sleep: (ms, signal) => this.sleep(ms, signal),
  };

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleeping++;
    const wake = () => {
      if (this.#isOver) return;
      this.#sleeping--;
      signal?.removeEventListener("abort", wake);
      cancel();
      resolve();
    };
    const cancel = this.time.after(ms, wake);
    signal?.addEventListener("abort", wake);
    return promise;
  }

  /** Sleeps, and goes on only if the process was not killed at the very moment at which the sleep ended. */
  async outlive(ms: number): Promise<void> {
    await this.sleep(ms);
    if (this.#isOver) await new Promise(() => {});
  }
}
