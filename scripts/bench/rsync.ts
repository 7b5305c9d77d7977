/** rsync: a daemon that serves a folder, and the client that fetches from it. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";

export class RsyncDaemon implements AsyncDisposable {
  private constructor(readonly process: MeasuredProcess, private readonly port: number) {}

  /**
   * @param folder What to serve; what our own peer keeps in it is left out.
   * @param workFolder Where the configuration goes.
   */
  static async start(folder: string, workFolder: string): Promise<RsyncDaemon> {
    const port = freePort();
    const configuration = join(workFolder, "rsyncd.conf");
    // As whoever runs this: the daemon would try to become `nobody`, who cannot read a private folder.
    await Deno.writeTextFile(
      configuration,
      `port = ${port}
address = 127.0.0.1
use chroot = no
uid = ${Deno.uid()}
gid = ${Deno.gid()}
reverse lookup = no
[source]
  path = ${folder}
  exclude = /.p2pnode
`,
    );
    const command = ["rsync", "--daemon", "--no-detach", `--config=${configuration}`];
    const process = new MeasuredProcess(command);
    await untilListening(port);
    return new RsyncDaemon(process, port);
  }

  /** Starts to fetch what is at `path` in the folder, with times, modes and links. */
  startFetch(
    path: string,
    destination: string,
    flags: readonly string[] = [],
  ): MeasuredProcess {
    const source = `rsync://127.0.0.1:${this.port}/source/${path}`;
    return new MeasuredProcess(["rsync", "--archive", ...flags, source, `${destination}/`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
