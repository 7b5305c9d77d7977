/**
 * Somebody who works in a synced folder and knows nothing of sync: writes, deletes, moves and so on, at any
 * moment, whatever the device is doing.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { errorNameOf } from "../../node/store/file_calls.ts";
import type { DeviceHost } from "./device_host.ts";
import { textOf } from "./known_contents.ts";
import type { KnownContents } from "./known_contents.ts";
import type { SyncWorld } from "./sync_world.ts";

/** Few names, so that people meet; they differ in case only, are folders for some and files for others. */
const NAMES = ["a", "b", "A", "note.txt", "d", "d/a", "d/b", "d/e", "d/e/a", "D/a", "f", "f/a"];
/** A folder with many files, and how many. */
const CROWD = "m";
const CROWD_COUNT = 24;
const FOLDERS = ["d", "d/e", "f", "D", "g", "a"];

export class Person {
  readonly #host: DeviceHost;
  readonly #known: KnownContents;
  readonly #world: SyncWorld;
  readonly #acts: readonly (readonly [weight: number, act: () => string | undefined])[];

  constructor(world: SyncWorld, host: DeviceHost, known: KnownContents) {
    this.#world = world;
    this.#host = host;
    this.#known = known;
    this.#acts = [
      [6, () => this.#write(this.#anyName())],
      [4, () => this.#ifFile((path) => this.#write(path))],
      [2, () => this.#ifFile((path) => this.#replace(path))],
      [1, () => this.#ifFile((path) => this.#touch(path))],
      [3, () => this.#ifFile((path) => this.#delete(path))],
      [1, () => this.#delete(this.#dice.pick(FOLDERS))],
      [3, () => this.#ifFile((path) => this.#move(path, this.#anyName()))],
      [1, () => this.#move(this.#dice.pick(FOLDERS), this.#dice.pick(FOLDERS))],
      [1, () => this.#ifFile((path) => this.#setMode(path))],
      [1, () => this.#ifFile((path) => this.#copy(path, this.#anyName()))],
      [1, () => this.#makeFolder(this.#dice.pick(FOLDERS))],
      [1, () => this.#ifFile((path) => this.#move(path, inOtherCase(path)))],
      [1, () => this.#swapKind(this.#anyName())],
    ];
  }

  /** Does something. */
  act(): void {
    const { dice } = this.#world;
    let left = dice.below(this.#acts.reduce((sum, [weight]) => sum + weight, 0));
    const [, act] = this.#acts.find(([weight]) => (left -= weight) < 0)!;
    this.#try(act);
  }

  /** Fills a folder with so many files that to delete them would be noticed. */
  crowd(): void {
    for (let number = 0; number < CROWD_COUNT; number++) {
      this.#try(() => this.#write(`${CROWD}/${number}`));
    }
  }

  /** Deletes that folder, or most of what is in it. */
  clear(): void {
    if (this.#dice.chance(0.5)) return this.#try(() => this.#delete(CROWD));
    for (let number = 0; number < CROWD_COUNT; number++) {
      if (this.#dice.chance(0.9)) this.#try(() => this.#delete(`${CROWD}/${number}`));
    }
  }

  #try(act: () => string | undefined): void {
    const { tell } = this.#world;
    try {
      const done = act();
      if (done !== undefined) tell(`at ${this.#host.name}`, done);
    } catch (error) {
      // As at a real folder: what is a file cannot be a folder, and the other way round.
      if (errorNameOf(error) === "") throw error;
    }
  }

  get #dice() {
    return this.#world.dice;
  }

  #anyName(): string {
    return this.#dice.pick(NAMES);
  }

  #local(path: string): string {
    return `${this.#host.root}/${path}`;
  }

  #ifFile(act: (path: string) => string | undefined): string | undefined {
    const { files, root } = this.#host;
    const seen = files.paths(root).filter((path) =>
      !path.startsWith(`${root}/${PRIVATE_FOLDER}`) && files.bytesOf(path) !== undefined
    );
    if (seen.length === 0) return undefined;
    return act(this.#dice.pick(seen).slice(root.length + 1));
  }

  /** What is at and below a path is given up by whoever does so. */
  #giveUp(path: string): void {
    const { files } = this.#host;
    for (const local of [this.#local(path), ...files.paths(this.#local(path))]) {
      const bytes = files.bytesOf(local);
      if (bytes !== undefined) this.#known.giveUp(bytes);
    }
  }

  #create(): Uint8Array<ArrayBuffer> {
    const { dice, weather } = this.#world;
    const { name } = this.#host;
    return dice.chance(weather.largeness)
      ? this.#known.createLarge(name, dice)
      : this.#known.create(name);
  }

  #write(path: string): string {
    const before = this.#host.files.bytesOf(this.#local(path));
    const bytes = this.#create();
    const executable = this.#dice.chance(0.1);
    this.#host.files.write(this.#local(path), bytes, executable ? { executable } : {});
    if (before !== undefined) this.#known.giveUp(before);
    return `writes ${path}: ${textOf(bytes)}`;
  }

  /** As many editors save: a new file takes the name of the old one. */
  #replace(path: string): string {
    const { files } = this.#host;
    const bytes = this.#create();
    files.write("/elsewhere/new", bytes);
    this.#giveUp(path);
    files.move("/elsewhere/new", this.#local(path));
    return `replaces ${path}: ${textOf(bytes)}`;
  }

  #touch(path: string): string {
    this.#host.files.touch(this.#local(path));
    return `touches ${path}`;
  }

  #delete(path: string): string {
    this.#giveUp(path);
    this.#host.files.remove(this.#local(path));
    return `deletes ${path}`;
  }

  #move(from: string, to: string): string | undefined {
    if (from === to) return undefined;
    const { files } = this.#host;
    const target = files.bytesOf(this.#local(to));
    files.move(this.#local(from), this.#local(to));
    if (target !== undefined) this.#known.giveUp(target);
    return `moves ${from} to ${to}`;
  }

  #setMode(path: string): string {
    const executable = this.#dice.chance(0.5);
    this.#host.files.setExecutable(this.#local(path), executable);
    return `makes ${path} ${executable ? "" : "not "}executable`;
  }

  #copy(from: string, to: string): string {
    const { files } = this.#host;
    const before = files.bytesOf(this.#local(to));
    files.write(this.#local(to), files.bytesOf(this.#local(from))!);
    if (before !== undefined && from !== to) this.#known.giveUp(before);
    return `copies ${from} to ${to}`;
  }

  #makeFolder(path: string): string {
    this.#host.files.makeFolder(this.#local(path));
    return `makes the folder ${path}`;
  }

  /** A file where a folder was, or a folder where a file was. */
  #swapKind(path: string): string | undefined {
    const found = this.#host.files.nodeAt(this.#local(path));
    if (found === undefined) return undefined;
    this.#delete(path);
    if (found.kind === "folder") return `puts a file for a folder; ${this.#write(path)}`;
    return `puts a folder for a file; ${this.#makeFolder(path)}`;
  }
}

function inOtherCase(path: string): string {
  const upper = path.toUpperCase();
  return upper === path ? path.toLowerCase() : upper;
}
