/**
 * The users of a sync server: whose devices are here, and whose space is open.
 *
 * A device takes its place in one step, before anything is waited for, so that two that race for the last
 * one cannot both get it. The space is opened for the first device, shared by both, and closed some time
 * after the last has gone.
 */

import type { Connection } from "../../../protocol/connection.ts";
import { ErrorCode, ProtocolError } from "../../../protocol/errors.ts";
import type { LimitedLog } from "../../../protocol/limited_log.ts";
import { ExpiryClock } from "./expiry_clock.ts";
import type { UserPieces } from "./ports.ts";
import type { SpaceOptions } from "./space_options.ts";
import { UserSpace } from "./user_space.ts";

/** How many devices a user may have connected. */
const DEVICES_MAX = 2;
/** A space that no device uses is closed after this long. */
const IDLE_MS = 30_000;

/** A device that is connected. */
export interface Device {
  /** Names it: its node id in hexadecimal. */
  readonly nodeId: string;
  /** What it calls itself. */
  readonly name: string;
  /** Where it is. */
  readonly host: string;
  readonly connection: Connection;
}

/** A device's place. */
export interface Place {
  /** The user's space, when it is open. Rejects where it cannot be opened. */
  readonly space: Promise<UserSpace>;
  /** The user's connected devices. */
  readonly devices: readonly Device[];
  /** Gives the place up. */
  leave(): void;
}

export interface UsersOptions extends Omit<SpaceOptions, "log" | "expiryClock"> {
  readonly log: LimitedLog;
  /** Opens the pieces of a user's space. */
  readonly openUser: (name: string) => Promise<UserPieces>;
}

interface User {
  readonly name: string;
  readonly devices: Device[];
  opening: Promise<UserSpace> | undefined;
  /** Set as soon as it is open. */
  space: UserSpace | undefined;
  /** The last space on its way out. */
  closing: Promise<void>;
  /** When a tick first saw no device. */
  idleMs: number | undefined;
}

export class Users {
  readonly #options: UsersOptions;
  readonly #users = new Map<string, User>();
  readonly #expiryClock: ExpiryClock;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#expiryClock = new ExpiryClock(options.wallClock);
  }

  /** Gives a device a place. Throws a `ProtocolError` of the code `busy` where there is none. */
  join(name: string, device: Device): Place {
    const user = this.#userOf(name);
    const { devices } = user;
    const last = devices.find(({ nodeId }) => nodeId === device.nodeId);
    if (last === undefined && devices.length >= DEVICES_MAX) {
      const list = devices.map((one) => `${one.name} (${one.host})`).join(", ");
      const reason = `${name} has two devices connected already: ${list} (stop one of them first)`;
      throw new ProtocolError(ErrorCode.busy, reason);
    }
    if (last === undefined) devices.push(device);
    else devices[devices.indexOf(last)] = device;
    user.idleMs = undefined;
    last?.connection.close(
      new ProtocolError(
        ErrorCode.busy,
        `this device has connected again from ${device.host} (if that one works in a copy of this folder, ` +
          "remove .p2pnode there)",
      ),
    );
    return {
      devices,
      space: user.opening ??= this.#open(user),
      leave: () => {
        const at = devices.indexOf(device);
        if (at >= 0) devices.splice(at, 1);
      },
    };
  }

  /** Lets time pass for the spaces, and closes those that nobody uses. */
  tick(nowMs: number): void {
    this.#expiryClock.tick(nowMs);
    for (const user of this.#users.values()) {
      user.space?.tick(nowMs);
      if (user.devices.length > 0) continue;
      user.idleMs ??= nowMs;
      if (nowMs - user.idleMs < IDLE_MS) continue;
      if (user.space !== undefined) this.#close(user);
      else if (user.opening === undefined) this.#forget(user);
    }
  }

  /** Closes all spaces. Their devices must be gone. */
  async close(): Promise<void> {
    await Promise.all([...this.#users.values()].map(async (user) => {
      await user.opening?.catch(() => {});
      if (user.space !== undefined) this.#close(user);
      await user.closing;
    }));
  }

  #userOf(name: string): User {
    let user = this.#users.get(name);
    if (user === undefined) {
      const closing = Promise.resolve();
      const nothing = { opening: undefined, space: undefined, idleMs: undefined };
      user = { name, devices: [], closing, ...nothing };
      this.#users.set(name, user);
    }
    return user;
  }

  async #open(user: User): Promise<UserSpace> {
    const { log, openUser } = this.#options;
    try {
      await user.closing;
      const space = await UserSpace.open({
        ...this.#options,
        log: (line) => log.write(line),
        expiryClock: this.#expiryClock,
        pieces: await openUser(user.name),
        onEnded: (reason) => this.#end(user, reason),
      });
      user.space = space;
      return space;
    } catch (reason) {
      user.opening = undefined;
      throw reason;
    }
  }

  /** The devices have to come again, and find the space opened anew. */
  #end(user: User, reason: ProtocolError): void {
    for (const { connection } of user.devices.splice(0)) connection.close(reason);
    this.#close(user);
  }

  #close(user: User): void {
    const { space } = user;
    if (space === undefined) return;
    user.space = undefined;
    user.opening = undefined;
    user.closing = space.close().catch((reason) => {
      this.#options.log.write(reason instanceof Error ? reason.message : String(reason));
    });
  }

  /** Nothing is left to be waited for but the space on its way out, which the next one must not overlap. */
  #forget(user: User): void {
    void user.closing.then(() => {
      const isIdle = user.devices.length === 0 && user.opening === undefined;
      if (isIdle && this.#users.get(user.name) === user) this.#users.delete(user.name);
    });
  }
}
