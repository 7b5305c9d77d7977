/**
 * A peer that does not keep the rules: it announces files like anybody else, greets like anybody else, and
 * then lies, in one way that it was given (lies.ts).
 */

import type { Manifest } from "../../node/content/manifest.ts";
import { Catalog, fileKey } from "../../node/swarm/catalog.ts";
import type { FileKey } from "../../node/swarm/catalog.ts";
import { TrackerSession } from "../../node/swarm/tracker_session.ts";
import { Connection } from "../../protocol/connection.ts";
import { handshake } from "../../protocol/handshake.ts";
import type { Duplex, Identity, Listener } from "../../protocol/ports.ts";
import type { Dice } from "./dice.ts";
import type { Process } from "./memory_network.ts";
import type { LiarsFile, Lie, Talk } from "./liar_talk.ts";
import { sketchIdentity, verifySketch } from "./sketch_identity.ts";
import { TRACKER } from "./world.ts";
import type { World } from "./world.ts";

const TICK_MS = 250;
/** How long a liar waits at most until it calls on somebody again. */
const CALL_EVERY_MS_MAX = 8_000;

export interface LiarPlan {
  readonly name: string;
  readonly lie: Lie;
  readonly files: readonly LiarsFile[];
}

export class Liar {
  readonly plan: LiarPlan;
  readonly identity: Identity;
  readonly #world: World;
  readonly #files: ReadonlyMap<FileKey, LiarsFile>;
  #isRunning = false;

  constructor(plan: LiarPlan, world: World) {
    this.plan = plan;
    this.#world = world;
    this.identity = sketchIdentity(plan.name);
    this.#files = new Map(plan.files.map((known) => [fileKey(known.manifest), known]));
  }

  get name(): string {
    return this.plan.name;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { network, dice } = this.#world;
    this.#world.tell(this.name, `starts and lies: ${this.plan.lie.name}`);
    const process = network.boot(this.name);
    const listener = process.network.listen({ host: this.name, port: 6000 });
    const session = this.#announce(process, dice.fork());
    void this.#accept(listener, process, dice.fork());
    void this.#call(session, process, dice.fork());
  }

  kill(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#world.tell(this.name, "dies");
    this.#world.network.kill(this.name);
  }

  #announce({ life, network }: Process, dice: Dice): TrackerSession {
    const catalog = new Catalog();
    for (const { manifest } of this.plan.files) {
      const listed = this.plan.lie.listed?.(manifest, dice) ?? manifest;
      catalog.addFile(listed, manifest.name, "");
    }
    const session = new TrackerSession({
      ...this.#introduction(dice),
      clock: life.clock,
      network,
      tracker: TRACKER,
      port: 6000,
      catalog,
      log: () => {},
      ready: Promise.resolve(),
      stopped: () => {},
    });
    void session.run();
    void (async () => {
      while (true) {
        session.tick(life.clock.now());
        await life.sleep(TICK_MS);
      }
    })();
    return session;
  }

  async #accept(listener: Listener, process: Process, dice: Dice): Promise<void> {
    for await (const stream of listener) void this.#talk(stream, process, dice.fork());
  }

  /** Calls on holders of its files: who is fetching one will ask it for blocks. */
  async #call(session: TrackerSession, { life, network }: Process, dice: Dice): Promise<void> {
    while (this.plan.files.length > 0) {
      await life.sleep(dice.below(CALL_EVERY_MS_MAX));
      const { manifest } = dice.pick(this.plan.files);
      const holders = await session.findHolders(manifest).catch(() => []);
      if (holders.length === 0) continue;
      const stream = await network.connect(dice.pick(holders)).catch(() => undefined);
      if (stream !== undefined) void this.#talk(stream, { life, network }, dice.fork(), manifest);
    }
  }

  async #talk(stream: Duplex, { life }: Process, dice: Dice, about?: Manifest): Promise<void> {
    const { lie } = this.plan;
    const connection = new Connection(stream);
    const sleep = (ms: number) => life.sleep(ms);
    const talk: Talk = { connection, stream, dice, files: this.#files, sleep };
    try {
      if (lie.greet !== undefined) return await lie.greet(talk);
      await handshake(connection, {
        ...this.#introduction(dice),
        clock: life.clock,
        role: "peer",
        expect: "peer",
        nonce: dice.bytes(32),
      });
    } catch {
      return;
    }
    if (about !== undefined) {
      const { id, size } = about;
      connection.ask({ type: "open", id, size }, { answer: () => true, failed: () => {} });
    }
    void lie.linked?.(talk).catch(() => {});
    // Whatever a lie trips over is the liar's own affair.
    await connection.run((frame) => lie.answer(talk, frame).catch(() => {}));
  }

  #introduction(dice: Dice) {
    return {
      identity: this.identity,
      agent: "liar",
      verify: verifySketch,
      nonce: () => dice.bytes(32),
    };
  }
}
