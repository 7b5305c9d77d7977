/** opentracker, which the BitTorrent clients find each other through. */

import { join } from "node:path";
import { toHex } from "../../protocol/bytes.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";

const ASK_AGAIN_MS = 50;

export class Opentracker implements AsyncDisposable {
  private constructor(readonly process: MeasuredProcess, readonly port: number) {}

  /**
   * @param infoHashes The torrents that it will track: Debian builds it so that it must know them.
   * @param workFolder A folder that everybody may enter; as root it becomes `nobody`.
   */
  static async start(
    infoHashes: readonly Uint8Array[],
    workFolder: string,
  ): Promise<Opentracker> {
    const port = freePort();
    const list = infoHashes.map((hash) => `${toHex(hash)}\n`).join("");
    await Deno.writeTextFile(join(workFolder, "white"), list);
    const configuration = join(workFolder, "opentracker.conf");
    await Deno.writeTextFile(
      configuration,
      `listen.tcp_udp 127.0.0.1:${port}
access.whitelist white
tracker.rootdir ${workFolder}
tracker.user nobody
`,
    );
    const process = new MeasuredProcess(["opentracker", "-f", configuration]);
    await untilListening(port);
    return new Opentracker(process, port);
  }

  get announceUrl(): string {
    return `http://127.0.0.1:${this.port}/announce`;
  }

  /** Waits until a node that has everything has announced itself. */
  async untilSeeded(infoHash: Uint8Array): Promise<void> {
    while (true) {
      const [, count] = /8:completei(\d+)e/.exec(await this.#scrape(infoHash)) ?? [];
      if (Number(count ?? 0) > 0) return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }

  async #scrape(infoHash: Uint8Array): Promise<string> {
    const escaped = toHex(infoHash).replace(/../g, "%$&");
    const response = await fetch(`http://127.0.0.1:${this.port}/scrape?info_hash=${escaped}`);
    return await response.text();
  }
}
