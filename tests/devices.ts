/**
 * A sync server and devices of the compiled binary for the end-to-end tests: in one temporary folder, on
 * loopback, gone when the test ends.
 *
 *     await using sync = await startSync();
 *     const laptop = await sync.startDevice("laptop");
 *     const desktop = await sync.startDevice("desktop");
 *     await laptop.write("a.txt", "hello");
 *     await sync.converge(laptop, desktop);
 *
 * Each device works in the folder of its name. Devices run with `--json`, so that tests wait for events or
 * for what is on the disk, and never for time.
 */

import { assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { randomBytes, temporaryFolder, treeOf } from "./files.ts";
import { type JsonEvent, type RunningProcess, start, withStart } from "./harness.ts";
import { HOST } from "./swarm.ts";

/** p2pnode's own folder in each synced one. */
export const PRIVATE = ".p2pnode";
/** Whose folder it is where a test does not care. */
export const USER = "alice";

/** A busy machine takes its time with 20,000 files. */
const CONVERGE_MS = 240_000;
/** How long to wait between two looks at least, and how many times as long as the look took. */
const LOOK_MS = 20;
const LOOK_SHARE = 3;

/** How a device is started. */
export interface DeviceOptions {
  /** "alice" if not given. */
  readonly user?: string;
  /** The server's port, or that of something before it. */
  readonly port?: number;
  readonly flags?: readonly string[];
}

/** What a file is made of: a text, or random bytes that are the same for the same seed. */
export type Content = string | { readonly size: number; readonly seed?: number };

/** Starts a server with these flags. */
export async function startSync(...flags: string[]): Promise<TestSync> {
  return await withStart(new TestSync(), (sync) => sync.startServer(flags));
}

export class TestSync implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #root = temporaryFolder();
  #server: RunningProcess | undefined;
  /** Where the server listens. */
  port = 0;

  constructor() {
    this.#resources.use(this.#root);
  }

  /** The server that was started last. */
  get server(): RunningProcess {
    return this.#server!;
  }

  /** Its folder. */
  get dataFolder(): string {
    return this.join("server");
  }

  /** A user's folder on the server. */
  userFolder(user = USER): string {
    return join(this.dataFolder, user);
  }

  /** A path in the test's folder. */
  join(...parts: string[]): string {
    return join(this.#root.path, ...parts);
  }

  /** Starts a server, on the port of the one before if there was one. */
  async startServer(flags: readonly string[] = []): Promise<RunningProcess> {
    const where = ["sync-server", String(this.port), this.dataFolder, "--host", HOST];
    const server = await this.start([...where, ...flags]);
    this.#server = server;
    this.port = await server.listeningPort();
    return server;
  }

  /** Ends the server at once, as a power cut does. */
  async killServer(): Promise<void> {
    this.server.signal("SIGKILL");
    await this.server.exit();
  }

  /** Starts a device on the folder of its name; resolves when it is in sync. */
  async startDevice(name: string, options: DeviceOptions = {}): Promise<TestDevice> {
    const device = await this.launchDevice(name, options);
    await device.process.waitForEvent("synced");
    return device;
  }

  /** As `startDevice`, and does not wait. */
  async launchDevice(name: string, options: DeviceOptions = {}): Promise<TestDevice> {
    const { user = USER, port = this.port, flags = [] } = options;
    const folder = this.join(name);
    const where = ["sync", user, HOST, String(port), "--dir", folder, "--device", name];
    const process = await this.start([...where, "--json", ...flags], { stdin: "piped" });
    return new TestDevice({ name, folder, process });
  }

  /** Starts any command; it ends with the test at the latest. */
  async start(...args: Parameters<typeof start>): Promise<RunningProcess> {
    return this.#resources.use(await start(...args));
  }

  /** A folder that belongs to no device yet, with files in it. */
  folder(name: string): TestFolder {
    return new TestFolder(this.join(name));
  }

  /** Waits until the folders of these devices and of the user on the server hold the same. */
  async converge(...devices: TestFolder[]): Promise<void> {
    await untilSame([this.userFolder(), ...devices.map(({ folder }) => folder)]);
  }

  /** Ends all processes and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** A folder with files. */
export class TestFolder {
  constructor(readonly folder: string) {}

  /** A path in it. */
  join(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a file; the folder that leads to it is made. */
  async write(path: string, content: Content): Promise<void> {
    const absolute = this.join(path);
    await Deno.mkdir(dirname(absolute), { recursive: true });
    await Deno.writeFile(absolute, bytesOf(content));
  }

  /** Puts a file in the place of another one: nobody ever sees a part of it, or nothing. */
  async replace(path: string, content: Content): Promise<void> {
    const staged = `${this.folder}.staged`;
    await Deno.writeFile(staged, bytesOf(content));
    await Deno.rename(staged, this.join(path));
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.join(path));
  }

  has(path: string): boolean {
    try {
      Deno.lstatSync(this.join(path));
      return true;
    } catch {
      return false;
    }
  }

  async remove(path: string): Promise<void> {
    await Deno.remove(this.join(path), { recursive: true });
  }

  async rename(from: string, to: string): Promise<void> {
    await Deno.mkdir(dirname(this.join(to)), { recursive: true });
    await Deno.rename(this.join(from), this.join(to));
  }

  /** What it holds, without what is p2pnode's own: hashes of files by path (see `treeOf`). */
  tree(): Promise<Record<string, string>> {
    return treeOf(this.folder, { without: [PRIVATE] });
  }
}

/** A device that a test started. */
export class TestDevice extends TestFolder {
  readonly name: string;
  readonly process: RunningProcess;

  constructor(
    { name, folder, process }: { name: string; folder: string; process: RunningProcess },
  ) {
    super(folder);
    this.name = name;
    this.process = process;
  }

  /** Carries out a command of the prompt. Answers the events up to its end; throws where it failed. */
  async command(line: string): Promise<JsonEvent[]> {
    const { events, error } = await this.try(line);
    if (error !== undefined) throw new Error(error);
    return events;
  }

  /** Carries out a command of the prompt that may fail. */
  async try(line: string): Promise<{ events: JsonEvent[]; error: string | undefined }> {
    const from = this.process.lines.length;
    await this.process.write(line);
    const [end] = await this.process.waitForLine(/^\{"event":"(?:done|error)",.*$/, { from });
    const { event, error } = JSON.parse(end) as JsonEvent;
    const events = this.process.lines.slice(from).filter(({ stream }) => stream === "stdout")
      .map(({ text }) => JSON.parse(text) as JsonEvent);
    return { events, error: event === "error" ? String(error) : undefined };
  }

  /** Waits until it says that it is in sync, after what it said before `from`. */
  async synced(from = this.process.lines.length): Promise<void> {
    await this.process.waitForEvent("synced", { from });
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<void> {
    this.process.signal("SIGINT");
    assertEquals(await this.process.exit(), 0);
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    this.process.signal("SIGKILL");
    await this.process.exit();
  }
}

/** What belongs into the private folders of devices and of users on the server. */
const STAYS = /^(?:key|lock|index\.db.*)$/;
const STAYS_ON_SERVER = /^(?:lock|index\.db.*|trash\/[^/]*|stage\/[^/]*\.part)$/;

/**
 * Ends the devices and the server, and sees whether something temporary is left. The server alone may have parts
 * of contents, whose device may come back for them.
 */
export async function assertNothingLeft(
  sync: TestSync,
  devices: readonly TestDevice[],
): Promise<void> {
  for (const device of devices) await device.stop();
  sync.server.signal("SIGTERM");
  assertEquals(await sync.server.exit(), 0);
  const folders = [...devices.map(({ folder }) => folder), sync.userFolder()];
  for (const folder of folders) {
    const mayStay = folder === sync.userFolder() ? STAYS_ON_SERVER : STAYS;
    const tree = await treeOf(join(folder, PRIVATE));
    const files = Object.keys(tree).filter((name) => tree[name] !== "folder");
    assertEquals(files.filter((name) => !mayStay.test(name)), [], `left in ${folder}`);
  }
}

/** The bytes of a content. */
export function bytesOf(content: Content): Uint8Array<ArrayBuffer> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  return randomBytes(content.size, content.seed ?? 1);
}

/** Waits until all these folders hold the same, byte for byte, what is p2pnode's own aside. */
export async function untilSame(folders: readonly string[]): Promise<void> {
  const shapes = () => folders.map((folder) => JSON.stringify(shapeOf(folder)));
  const trees = () => Promise.all(folders.map((folder) => treeOf(folder, { without: [PRIVATE] })));
  const deadlineMs = performance.now() + CONVERGE_MS;
  for (let lookMs = performance.now(); lookMs < deadlineMs; lookMs = performance.now()) {
    // Hashing what differs in names or sizes already would take the time of those who work on it.
    const [first, ...others] = shapes();
    if (others.every((shape) => shape === first)) {
      const [tree, ...rest] = (await trees().catch(() => [])).map((tree) => JSON.stringify(tree));
      if (tree !== undefined && rest.every((other) => other === tree)) return;
    }
    await pauseAfter(lookMs);
  }
  const [first, ...others] = await trees();
  for (const other of others) assertEquals(other, first, "the folders stayed different");
}

/** Waits until `fits` answers true. A file that it does not find is one that is just being replaced. */
export async function until(fits: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + CONVERGE_MS;
  for (let lookMs = performance.now(); !await fitsNow(fits); lookMs = performance.now()) {
    if (lookMs > deadlineMs) throw new Error(`${what} did not come in time`);
    await pauseAfter(lookMs);
  }
}

/**
 * Waits until the next look, when one that began at `lookMs` has found nothing. Whoever looks at 20,000 files
 * without a pause takes from those who work on them a core.
 */
function pauseAfter(lookMs: number): Promise<void> {
  const pauseMs = Math.max(LOOK_MS, LOOK_SHARE * (performance.now() - lookMs));
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}

async function fitsNow(fits: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await fits();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Names and sizes of what is below a folder; empty where it is missing, or changes meanwhile. */
function shapeOf(folder: string, prefix = ""): string[] {
  try {
    return [...Deno.readDirSync(join(folder, prefix))]
      .filter(({ name }) => name !== PRIVATE)
      .flatMap(({ name, isDirectory }) => {
        const path = prefix + name;
        if (isDirectory) return [path, ...shapeOf(folder, `${path}/`)];
        return [`${path} ${Deno.lstatSync(join(folder, path)).size}`];
      }).sort();
  } catch {
    return [];
  }
}
