/** How a running command reports what happens. */

/** Says what happened: as an event with fields for scripts, or as a line for people. */
export type Tell = (event: string, fields: Record<string, unknown>, line: string) => void;
