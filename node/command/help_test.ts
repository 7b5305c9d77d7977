import { assertEquals } from "@std/assert";
import { defineCommand } from "./declaration.ts";
import { helpText } from "./help.ts";

Deno.test("helpText() shows usage, arguments, flags with defaults, and examples", () => {
  const peer = defineCommand({
    name: "peer",
    summary: "Shares a folder and fetches from the swarm.",
    positionals: {
      trackerHost: { doc: "the tracker's address" },
      dir: { doc: "the folder to share", presence: "optional" },
      names: { doc: "files to fetch at once", presence: "rest" },
    },
    flags: {
      port: { kind: "port", short: "p", doc: "where to listen", default: 0 },
      cache: { kind: "size", doc: "memory for blocks", default: 256 * 1024 ** 2 },
      ttl: { kind: "seconds", doc: "time to live", default: 30 },
      get: { kind: "list", doc: "fetch this file", placeholder: "NAME" },
      upLimit: { kind: "size", doc: "bytes per second to send" },
      exitWhenDone: { kind: "boolean", doc: "end when all is there" },
    },
    examples: ["p2pnode peer 127.0.0.1 ./data"],
  });
  assertEquals(
    helpText(peer),
    `\
Shares a folder and fetches from the swarm.

Usage: p2pnode peer <tracker-host> [dir] [names...] [flags]

Arguments:
  <tracker-host>  the tracker's address
  [dir]           the folder to share
  [names...]      files to fetch at once

Flags:
  -p, --port PORT       where to listen (default: 0)
      --cache SIZE      memory for blocks (default: 256 MiB)
      --ttl SECONDS     time to live (default: 30s)
      --get NAME        fetch this file (may be given several times)
      --up-limit SIZE   bytes per second to send
      --exit-when-done  end when all is there
      --debug           show a stack trace with an error
  -h, --help            show this text

Examples:
  p2pnode peer 127.0.0.1 ./data
`,
  );
});

Deno.test("helpText() leaves out what a command does not have", () => {
  const version = defineCommand({
    name: "version",
    summary: "Shows the version.",
    positionals: {},
    flags: {},
    examples: [],
  });
  assertEquals(
    helpText(version),
    `\
Shows the version.

Usage: p2pnode version

Flags:
      --debug  show a stack trace with an error
  -h, --help   show this text
`,
  );
});

Deno.test("helpText() puts what else there is to know between summary and usage", () => {
  const command = defineCommand({
    name: "sync",
    summary: "Keeps a folder.",
    about: ["One paragraph,\nof two lines.", "Another."],
    positionals: {},
    flags: {},
    examples: [],
  });
  const [before] = helpText(command).split("\nUsage:");
  assertEquals(before, "Keeps a folder.\n\nOne paragraph,\nof two lines.\n\nAnother.\n");
});
