/**
 * Deaths of mirror servers, content servers and initiators at random moments: nothing wrong is ever in a mirror,
 * and the next order goes on.
 *
 * Moments come from a seed that every failure names; P2PNODE_SEED sets another one. With P2PNODE_SOAK=1 there are
 * more of them.
 */

import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../protocol/testing.ts";
import { treeOf } from "./files.ts";
import { TestMirrors } from "./mirrors.ts";
import type { TestContent } from "./mirrors.ts";
import { MIB } from "./swarm.ts";

const DEATH_COUNT = Deno.env.get("P2PNODE_SOAK") === "1" ? 100 : 8;
const SEED = Number(Deno.env.get("P2PNODE_SEED") ?? 20_261_121);

Deno.test(`${DEATH_COUNT} deaths while two sources are mirrored (seed ${SEED})`, async () => {
  await using mirrors = new TestMirrors();
  const random = seededRandom(SEED);
  let [a, b] = [await mirrors.startContent("a"), await mirrors.startContent("b")];
  for (const content of [a, b]) {
    await content.writeMany("small", 60);
    await content.write("large", { size: 12 * MIB });
  }
  await a.write("own", { size: 4 * MIB, seed: 2 });
  const expected = { a: await treeOf(a.folder), b: await treeOf(b.folder) };
  await mirrors.startMirror();
  for (let round = 1; round <= DEATH_COUNT; round++) {
    const order = await mirrors.startOrder([a.source("", 0.005), b.source("", 0.005)]);
    await order.waitForEvent("started");
    await new Promise((resolve) => setTimeout(resolve, random() * 600));
    const victim = ["mirror", "a", "b", "initiator"][Math.floor(random() * 4)];
    const process = { mirror: mirrors.mirror!, a: a.process, b: b.process }[victim!] ?? order;
    process.signal("SIGKILL");
    await order.exit();
    await process.exit();
    const where = `${victim} died in round ${round}, seed ${SEED}`;
    await assertPart(mirrors, a, expected.a, where);
    await assertPart(mirrors, b, expected.b, where);
    if (victim === "mirror") await mirrors.startMirror();
    if (victim === "a") a = await mirrors.startContent("a", { port: a.port });
    if (victim === "b") b = await mirrors.startContent("b", { port: b.port });
  }
  assertEquals((await mirrors.order([a.source(), b.source()])).code, 0);
  await mirrors.assertSame(a);
  await mirrors.assertSame(b);
});

/** Throws where the mirror has anything that its source has not. */
async function assertPart(
  mirrors: TestMirrors,
  content: TestContent,
  expected: Record<string, string>,
  where: string,
): Promise<void> {
  const mirrored = await mirrors.mirrored(content).catch(() => ({}));
  for (const [path, what] of Object.entries(mirrored)) {
    assert(what === expected[path], `${path} is not what its source has: ${where}`);
  }
}
