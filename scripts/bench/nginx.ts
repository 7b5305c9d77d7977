/** nginx as a server of folders, with pages that list them. */

import { join } from "node:path";
import { MeasuredProcess } from "./measured_process.ts";
import { freePort, untilListening } from "./ports.ts";

/** What it may write, below its working folder. */
const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

export class Nginx implements AsyncDisposable {
  private constructor(private readonly process: MeasuredProcess, private readonly port: number) {}

  /** @param folders What to serve, each below its position as `/0/`, `/1/`. */
  static async start(folders: readonly string[], workFolder: string): Promise<Nginx> {
    const port = freePort();
    const configuration = join(workFolder, "nginx.conf");
    const locations = folders.map((folder, number) =>
      `location /${number}/ { alias ${folder}/; autoindex on; }`
    );
    const paths = TEMPORARY.map((name) => `${name}_temp_path ${join(workFolder, name)};`);
    await Deno.writeTextFile(
      configuration,
      `daemon off;
worker_processes auto;
pid ${join(workFolder, "nginx.pid")};
error_log stderr;
${Deno.uid() === 0 ? "user root;" : ""}
events {}
http {
  access_log off;
  sendfile on;
  ${paths.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    ${locations.join("\n    ")}
  }
}
`,
    );
    const process = new MeasuredProcess(["nginx", "-p", workFolder, "-c", configuration]);
    await untilListening(port);
    return new Nginx(process, port);
  }

  urlOf(number: number): string {
    return `http://127.0.0.1:${this.port}/${number}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
