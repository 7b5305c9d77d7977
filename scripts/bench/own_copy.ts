/** Our own side of remote copy: `serve` of the compiled binary, and `fetch`. */

import { MeasuredProcess } from "./measured_process.ts";
import { binary } from "./p2pnode.ts";

const HOST = "127.0.0.1";

export class OwnCopyServer implements AsyncDisposable {
  private constructor(
    readonly process: MeasuredProcess,
    /** Where it listens. */
    readonly port: number,
    private readonly program: string,
  ) {}

  /** Starts a server that offers `folder`, and hashes what is in it while it has nothing else to do. */
  static async start(folder: string): Promise<OwnCopyServer> {
    const program = await binary();
    const command = [program, "serve", "-p", "0", "--host", HOST, "-d", folder];
    const process = new MeasuredProcess(command);
    const [, port] = await process.line(/^listening on .*:(\d+)$/);
    return new OwnCopyServer(process, Number(port), program);
  }

  /** Waits until it has hashed every file: what it lists to a client must be. */
  async untilHashed(emptyFolder: string): Promise<void> {
    await using client = this.startFetch(emptyFolder, ["--dry-run"]);
    await client.success();
  }

  /** Starts a client that fetches all that is offered; `port` may be that of a proxy. */
  startFetch(
    destination: string,
    flags: readonly string[] = [],
    port = this.port,
  ): MeasuredProcess {
    const where = ["-i", HOST, "-p", String(port), "-o", destination];
    return new MeasuredProcess([this.program, "fetch", ...where, ...flags]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
