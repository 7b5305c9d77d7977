/**
 * A copy server and clients of the compiled binary for the end-to-end tests: in one temporary folder, on
 * loopback, gone when the test ends.
 *
 *     await using copies = await startCopies();
 *     await copies.write("dira/a.txt", "hello");
 *     await copies.fetch("dira");
 *     await copies.assertSame("dira");
 *
 * What is offered lies in the folder `source`, what is fetched in `dest`.
 */

import { assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { randomBytes, temporaryFolder, treeOf } from "./files.ts";
import { run, start, withStart } from "./harness.ts";
import type { JsonEvent, Result, RunningProcess } from "./harness.ts";
import { HOST } from "./swarm.ts";

const TIMEOUT_MS = 120_000;
const PRIVATE = ".p2pnode";

/** Where a client fetches from and to, if not from the server to `dest`. */
export interface FetchOptions {
  readonly port?: number;
  readonly out?: string;
}

/** What a client did. */
export interface Fetched extends Result {
  readonly events: readonly JsonEvent[];
  /** The counts of its last event. */
  readonly counts: Record<string, number>;
}

/** Starts a server on the folder `source`, with these flags. */
export async function startCopies(...flags: string[]): Promise<TestCopies> {
  return await withStart(new TestCopies(), (copies) => copies.startServer(flags));
}

export class TestCopies implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #root = temporaryFolder();
  server: RunningProcess | undefined;
  port = 0;

  constructor() {
    this.#resources.use(this.#root);
    Deno.mkdirSync(this.source());
  }

  /** A path in the folder that is offered. */
  source(...parts: string[]): string {
    return this.join("source", ...parts);
  }

  /** A path in the folder that is fetched to. */
  dest(...parts: string[]): string {
    return this.join("dest", ...parts);
  }

  /** A path in the test's folder. */
  join(...parts: string[]): string {
    return join(this.#root.path, ...parts);
  }

  /** Starts a server, on the port of the one before if there was one. */
  async startServer(flags: readonly string[] = []): Promise<void> {
    const where = ["serve", "-p", String(this.port), "--host", HOST, "-d", this.source()];
    this.server = await this.start([...where, ...flags]);
    this.port = await this.server.listeningPort();
  }

  /** Starts any command; it ends with the test at the latest. */
  async start(...args: Parameters<typeof start>): Promise<RunningProcess> {
    return this.#resources.use(await start(...args));
  }

  /** Writes a file that is offered; the folder that leads to it is made. */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    const absolute = this.source(path);
    await Deno.mkdir(dirname(absolute), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(absolute, content);
    else await Deno.writeFile(absolute, content);
  }

  /** Offers many files that are the same for the same seed, in folders of a hundred. */
  async writeMany(folder: string, { count, size }: { count: number; size: number }): Promise<void> {
    for (let i = 0; i < count; i++) {
      const path = `${folder}/${Math.floor(i / 100)}/${i % 100}`;
      await this.write(path, randomBytes(size, i + 1));
    }
  }

  /** The command line of a client. */
  fetchArguments(directory: string, { port = this.port, out = this.dest() }: FetchOptions = {}) {
    return ["fetch", "-i", HOST, "-p", String(port), "-d", directory, "-o", out];
  }

  /** Runs a client to its end. */
  async fetch(
    directory: string,
    flags: readonly string[] = [],
    options: FetchOptions = {},
  ): Promise<Fetched> {
    const args = [...this.fetchArguments(directory, options), "--json", ...flags];
    const result = await run(args, { timeoutMs: TIMEOUT_MS });
    const lines = result.stdout.split("\n").filter((line) => line !== "");
    const events: JsonEvent[] = lines.map((line) => JSON.parse(line));
    const counts = (events.at(-1) ?? {}) as unknown as Record<string, number>;
    return { ...result, events, counts };
  }

  /** Requires that what was fetched is what is offered: bytes, folders, links, and who may execute what. */
  async assertSame(directory: string, out = this.dest()): Promise<void> {
    const trees = [this.source(directory), join(out, directory)];
    const [offered, fetched] = await Promise.all(
      trees.map((tree) => treeOf(tree, { without: [PRIVATE] })),
    );
    assertEquals(fetched, offered);
    for (const path of Object.keys(offered!)) {
      const modes = trees.map((tree) => Deno.lstatSync(join(tree, path)).mode! & 0o100);
      assertEquals(modes[1], modes[0], `who may execute ${path}`);
    }
  }

  /** What was fetched, as `treeOf` gives it. */
  async fetched(): Promise<Record<string, string>> {
    try {
      return await treeOf(this.dest(), { without: [PRIVATE] });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return {};
      throw error;
    }
  }

  /** Ends all processes and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** The paths that events of this name tell of, sorted. */
export function pathsOf({ events }: Fetched, event: string): string[] {
  return events.filter((one) => one.event === event).map(({ path }) => path as string).sort();
}
