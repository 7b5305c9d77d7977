/** What all share that takes part in a simulated history of sync: world, times, and how disks behave. */

import type { Life } from "../simulation/life.ts";
import type { World } from "../simulation/world.ts";
import type { MemoryFolderOptions } from "./memory_folder.ts";

/** Where the server is. */
export const SERVER = { host: "server", port: 7000 } as const;
/** The one user of a simulated history. */
export const USER = "ann";

/** How the disks and watchers of a history behave, and what is written. */
export interface Weather {
  /** How long a step of a disk takes at most; 0 for no time at all. */
  diskMs: number;
  /** How often there is a pause in the middle of a change or a look, from 0 to 1. */
  slowness: number;
  /** How often a hint is lost, from 0 to 1. */
  lostHints: number;
  /** How often a hint is for everything instead, from 0 to 1. */
  vagueHints: number;
  /** How often a content is a large one, from 0 to 1. */
  largeness: number;
}

/** Disks that are quick and watchers that miss nothing. */
export const FAIR_WEATHER: Weather = {
  diskMs: 0,
  slowness: 0,
  lostHints: 0,
  vagueHints: 0,
  largeness: 0,
};

export interface SyncWorld extends World {
  readonly weather: Weather;
}

/** How a process sees its disk. */
export function diskOptions(
  { dice, weather }: SyncWorld,
  life: Life,
): Required<MemoryFolderOptions> {
  const own = dice.fork();
  return {
    pause: () => {
      if (life.isOver) return new Promise(() => {});
      const ms = weather.diskMs * own.random() ** 2;
      return ms < 0.5 ? Promise.resolve() : life.outlive(ms);
    },
    isSlow: () => own.chance(weather.slowness),
    distort: (path) => {
      if (own.chance(weather.lostHints)) return undefined;
      return own.chance(weather.vagueHints) ? "" : path;
    },
  };
}
