/**
 * Content servers, mirror servers and initiators of the compiled binary for the end-to-end tests: in one
 * temporary folder, on loopback, gone when the test ends.
 *
 *     await using mirrors = new TestMirrors();
 *     const a = await mirrors.startContent("a");
 *     await a.write("dir/file", "hello");
 *     await mirrors.startMirror();
 *     const { code } = await mirrors.order([a.source("dir")]);
 *     await mirrors.assertSame(a, "dir");
 *
 * A content server offers the folder of its name; mirrors are made in the folder `out`.
 */

import { assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { temporaryFolder, treeOf } from "./files.ts";
import { run, start } from "./harness.ts";
import type { JsonEvent, Result, RunningProcess } from "./harness.ts";
import { bytesOf } from "./devices.ts";
import type { Content } from "./devices.ts";
import { HOST } from "./swarm.ts";

const TIMEOUT_MS = 120_000;
const PRIVATE = ".p2pnode";

/** How a content server is started. */
export interface ContentOptions {
  /** In its folder; everything if not given. */
  readonly file?: string;
  readonly host?: string;
  /** Any free one if not given. */
  readonly port?: number;
}

/** What an initiator reported. */
export interface Ordered extends Result {
  readonly events: readonly JsonEvent[];
  /** The last that was heard of each source, in their order. */
  readonly sources: readonly JsonEvent[];
  /** The event that sums up. */
  readonly done: JsonEvent | undefined;
}

export class TestMirrors implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #root = temporaryFolder();
  /** The mirror server that was started last, and its port. */
  mirror: RunningProcess | undefined;
  port = 0;

  constructor() {
    this.#resources.use(this.#root);
  }

  /** A path in the test's folder. */
  join(...parts: string[]): string {
    return join(this.#root.path, ...parts);
  }

  /** Starts a server that offers the folder `name`, or in it the file `file`. */
  async startContent(
    name: string,
    { file = "", host = HOST, port: wanted = 0 }: ContentOptions = {},
  ): Promise<TestContent> {
    const folder = this.join(name);
    await Deno.mkdir(folder, { recursive: true });
    const where = ["-d", join(folder, file), "-p", String(wanted), "--host", host];
    const process = await this.#start(["content", ...where, "--json"]);
    const { port } = await process.waitForEvent("listening");
    return new TestContent(folder, { host, port: Number(port), process });
  }

  /** Starts a mirror server, on the port of the one before if there was one. */
  async startMirror(flags: readonly string[] = [], out = "out"): Promise<RunningProcess> {
    const where = ["mirror", "-m", this.join(out), "-p", String(this.port), "--host", HOST];
    this.mirror = await this.#start([...where, ...flags]);
    this.port = await this.mirror.listeningPort();
    return this.mirror;
  }

  /** Starts an initiator that orders these sources. */
  startOrder(sources: readonly string[], flags: readonly string[] = []): Promise<RunningProcess> {
    return this.#start(this.#orderOf(sources, flags));
  }

  /** Orders these sources and waits for the end. */
  async order(sources: readonly string[], flags: readonly string[] = []): Promise<Ordered> {
    const result = await run(this.#orderOf(sources, flags), { timeoutMs: TIMEOUT_MS });
    const events = result.stdout.split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line) as JsonEvent);
    return {
      ...result,
      events,
      sources: events.filter(({ event }) => event === "source"),
      done: events.find(({ event }) => event === "done"),
    };
  }

  /** What the mirror of a content server holds, as `treeOf` says it. */
  mirrored(content: TestContent, path = "", out = "out"): Promise<Record<string, string>> {
    return treeOf(this.join(out, content.place, path), { without: [PRIVATE] });
  }

  /** Throws where the mirror holds something else at this path. */
  async assertSame(content: TestContent, path = "", out = "out"): Promise<void> {
    assertEquals(await this.mirrored(content, path, out), await treeOf(join(content.folder, path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #orderOf(sources: readonly string[], flags: readonly string[]): string[] {
    const where = ["-n", HOST, "-p", String(this.port), "-s", sources.join(",")];
    return ["mirror-init", ...where, "--json", ...flags];
  }

  async #start(args: readonly string[]): Promise<RunningProcess> {
    return this.#resources.use(await start(args));
  }
}

/** A content server. */
export class TestContent {
  readonly port: number;
  readonly process: RunningProcess;
  readonly #host: string;

  constructor(
    readonly folder: string,
    { host, port, process }: {
      readonly host: string;
      readonly port: number;
      readonly process: RunningProcess;
    },
  ) {
    this.#host = host;
    this.port = port;
    this.process = process;
  }

  /** The folder of its mirror. */
  get place(): string {
    return `${this.#host}_${this.port}`;
  }

  /** How it is written as a source. */
  source(path = "", delaySeconds = 0): string {
    const host = this.#host.includes(":") ? `[${this.#host}]` : this.#host;
    return `${host}:${this.port}:${path}:${delaySeconds}`;
  }

  join(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a file; the folder that leads to it is made. */
  async write(path: string, content: Content): Promise<void> {
    await Deno.mkdir(dirname(this.join(path)), { recursive: true });
    await Deno.writeFile(this.join(path), bytesOf(content));
  }

  /** Writes so many small files into a folder. */
  async writeMany(folder: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.write(`${folder}/${i}`, `${folder} ${i}`);
  }
}
