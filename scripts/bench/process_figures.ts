/**
 * What Linux tells in /proc about a process and its descendants: the processor time that they took and
 * the memory that they had at most.
 */

/** Figures of a process and of those that it started, which may have ended. */
export interface ProcessFigures {
  /** Seconds of processor time, user and system, all threads together. */
  readonly cpuSeconds: number;
  /** Bytes of resident memory at their highest, added up over the processes. */
  readonly peakMemory: number;
}

/** Units of processor time a second: USER_HZ, 100 on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** Follows a process by looking at it from time to time; what it finds never shrinks. */
export class ProcessMeter {
  readonly #pid: number;
  readonly #peaks = new Map<number, number>();
  #cpuSeconds = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Looks now. Does nothing once the process has ended. */
  look(): void {
    let ticks = 0;
    for (const pid of family(this.#pid)) {
      ticks += cpuTicks(pid);
      this.#peaks.set(pid, Math.max(this.#peaks.get(pid) ?? 0, peakMemory(pid)));
    }
    this.#cpuSeconds = Math.max(this.#cpuSeconds, ticks / TICKS_PER_SECOND);
  }

  get figures(): ProcessFigures {
    const peak = [...this.#peaks.values()].reduce((sum, bytes) => sum + bytes, 0);
    return { cpuSeconds: this.#cpuSeconds, peakMemory: peak };
  }
}

/** A process and its living descendants, as far as the main threads started them. */
function family(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`)?.trim() ?? "";
  return [pid, ...children.split(" ").filter((text) => text !== "").map(Number).flatMap(family)];
}

/** User and system time of a process, its threads, and its children that have ended. */
function cpuTicks(pid: number): number {
  // The name of the program stands in parentheses and may contain blanks.
  const fields = readProc(`${pid}/stat`)?.replace(/^.*\) /s, "").split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function peakMemory(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`) ?? "") ?? [];
  return Number(kibibytes ?? 0) * 1024;
}

/** Undefined when the process has ended. */
function readProc(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch {
    return undefined;
  }
}
