/**
 * The command line of p2pnode: picks the subcommand and owns exit codes.
 */

import config from "./deno.json" with { type: "json" };

if (Deno.args[0] === "version") {
  console.log(`p2pnode ${config.version}`);
} else {
  console.error("p2pnode: unknown command (try: p2pnode version)");
  Deno.exit(2);
}
