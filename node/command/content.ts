/** `p2pnode content`: offers a folder or a file to mirror servers. */

import { defineCommand } from "./declaration.ts";
import type { ParsedCommand } from "./declaration.ts";
import { offerTree } from "./serve.ts";
import type { World } from "./world.ts";

/** Files that may wait for the workers. */
const QUEUE_LENGTH = 64;
/** Bytes of a chunk of contents. */
const BLOCK_SIZE = 256 * 1024;

export const contentCommand = defineCommand({
  name: "content",
  summary: "Offer a folder or a file to mirror servers.",
  about: [
    "Nothing is ever changed. An order for a mirror may ask for a delay; then this waits so long before each\n" +
    "file that it sends for that order, and for no other. Whoever can reach the port can copy everything: run it\n" +
    "inside a network that you trust.",
  ],
  positionals: {},
  flags: {
    directory: {
      kind: "text",
      short: "d",
      default: ".",
      placeholder: "PATH",
      doc: "the folder, or the file, to offer",
    },
    workers: {
      kind: "count",
      short: "w",
      min: 1,
      max: 64,
      doc: "threads that hash and read files (default: one for each processor)",
    },
    port: {
      kind: "port",
      short: "p",
      default: 7200,
      doc: "port to listen on; 0 picks a free one",
    },
    host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
    json: { kind: "boolean", doc: "print one JSON object a line" },
  },
  examples: ["p2pnode content -d ./photos -w 4 -p 7200", "p2pnode content -d ./release.iso"],
});

export async function runContent(
  { flags }: ParsedCommand<typeof contentCommand>,
  world: World,
): Promise<void> {
  await offerTree(
    { ...flags, path: flags.directory, queue: QUEUE_LENGTH, block: BLOCK_SIZE },
    world,
  );
}
