/** rsync over ssh: an sshd of our own on loopback, with its own keys and configuration, and the client. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";

export class RsyncOverSsh implements AsyncDisposable {
  private constructor(
    readonly process: MeasuredProcess,
    private readonly folder: string,
    /** The command line of the client. */
    private readonly ssh: string,
  ) {}

  /**
   * @param folder What to fetch from; what our own peer keeps in it is left out.
   * @param workFolder Where configuration and keys go.
   */
  static async start(folder: string, workFolder: string): Promise<RsyncOverSsh> {
    const port = freePort();
    const key = join(workFolder, "key");
    await using keygen = new MeasuredProcess(
      ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key],
    );
    await keygen.success();
    const configuration = join(workFolder, "sshd_config");
    await Deno.writeTextFile(
      configuration,
      `ListenAddress 127.0.0.1
Port ${port}
HostKey ${key}
AuthorizedKeysFile ${key}.pub
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
`,
    );
    // It starts itself anew for each connection, by a name that must be an absolute path.
    const shell = ["sh", "-c", 'exec "$(command -v sshd)" "$@"', "sshd"];
    const process = new MeasuredProcess([...shell, "-D", "-e", "-f", configuration]);
    await untilListening(port);
    const options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
    const flags = ["-F", "none", "-i", key, "-p", port, ...options.map((text) => `-o${text}`)];
    return new RsyncOverSsh(process, folder, `ssh ${flags.join(" ")}`);
  }

  /** Starts to fetch all that is in the folder, with times, modes and links. */
  startFetch(destination: string): MeasuredProcess {
    const flags = ["--archive", "--exclude=/.p2pnode", "-e", this.ssh];
    return new MeasuredProcess(["rsync", ...flags, `127.0.0.1:${this.folder}/`, `${destination}/`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
