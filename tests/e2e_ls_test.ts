/** `p2pnode ls`, end to end: its tables, its JSON, and lists of many pages. */

import { assertEquals, assertMatch } from "@std/assert";
import { treeOf } from "./files.ts";
import { run } from "./harness.ts";
import { HOST, startSwarm } from "./swarm.ts";

/** More than two pages of the protocol. */
const MANY = 1_500;

Deno.test("ls of an empty swarm says so", async () => {
  await using swarm = await startSwarm();
  assertEquals(await run(["ls", HOST, String(swarm.port)]), {
    code: 0,
    stdout: "no files\n\nno active nodes",
    stderr: "",
  });
  assertEquals(await run(["ls", HOST, String(swarm.port), "--json"]), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});

Deno.test("ls shows files and nodes as tables, and as JSON", async () => {
  await using swarm = await startSwarm();
  await swarm.write("peer/a.bin", { size: 300 * 1024 });
  await swarm.write("peer/docs/b ü.txt", { size: 5 });
  const peer = await swarm.startPeer("peer");
  const { files, nodes } = await swarm.listUntil(({ files }) => files.length === 2);
  const port = await peer.port();
  const [node] = nodes;
  assertEquals(nodes, [{ event: "node", id: node!.id, host: HOST, port, files: 2 }]);
  assertMatch(String(node!.id), /^[0-9a-f]{64}$/);

  const byName = new Map(files.map((file) => [file.name, file]));
  const { id } = byName.get("docs/b ü.txt")!;
  assertEquals(byName.get("docs/b ü.txt"), {
    event: "file",
    name: "docs/b ü.txt",
    size: 5,
    id,
    publisher: node!.id,
    seeders: 1,
    leechers: 0,
  });
  assertMatch(String(id), /^[0-9a-f]{64}$/);

  const { code, stdout } = await run(["ls", HOST, String(swarm.port)]);
  const start = (hex: unknown) => String(hex).slice(0, 16);
  const publisher = start(node!.id);
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").map((line) => line.split(/  +/)), [
    ["name", "size", "seeders", "leechers", "id", "publisher"],
    ["a.bin", "300 KiB", "1", "0", start(byName.get("a.bin")!.id), publisher],
    ["docs/b ü.txt", "5 B", "1", "0", start(id), publisher],
    [""],
    ["node", "address", "files"],
    [publisher, `${HOST}:${port}`, "2"],
  ]);
});

Deno.test(`${MANY} small files are listed whole, and one get fetches them all`, async () => {
  await using swarm = await startSwarm();
  const names = Array.from({ length: MANY }, (_, index) => `${index % 10}/${index}.txt`).sort();
  for (const name of names) await Deno.writeTextFile(swarm.join("peer", name), `I am ${name}\n`);
  await swarm.startPeer("peer");
  const { files, nodes } = await swarm.listUntil(({ files }) => files.length === MANY);
  assertEquals(files.map(({ name }) => String(name)).sort(), names);
  assertEquals(nodes[0]!.files, MANY);

  const { code, stdout, stderr } = await swarm.get(["--all"], "out");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, `${MANY} of ${MANY} files are here`);
  assertEquals(
    await treeOf(swarm.join("out")),
    await treeOf(swarm.join("peer"), { without: [".p2pnode"] }),
  );
});
