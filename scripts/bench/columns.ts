/** Figures that several workloads report. */

import { formatSize } from "../../node/text/size.ts";
import type { Column } from "./workload.ts";

export const secondsColumn: Column = { key: "seconds", title: "seconds", format: formatDecimal };

/** Processor time of both sides, and their memory at its highest. */
export const sideColumns: readonly Column[] = [
  { key: "sourceCpu", title: "source CPU s", format: formatDecimal },
  { key: "targetCpu", title: "target CPU s", format: formatDecimal },
  { key: "sourceMemory", title: "source peak", format: formatSize },
  { key: "targetMemory", title: "target peak", format: formatSize },
];

/** Two decimals: what is repeatable of a time in seconds or of a ratio. */
export function formatDecimal(value: number): string {
  return value.toFixed(2);
}
