import { assertEquals, assertRejects } from "@std/assert";
import { ErrorCode, RemoteError } from "../../protocol/errors.ts";
import { settled } from "../../protocol/testing.ts";
import { LEAF_SIZE } from "../content/tree.ts";
import type { Manifest } from "../content/manifest.ts";
import { PeerLied, requestManifest } from "./manifest_request.ts";
import { sampleFile, startLink } from "./testing.ts";

const { manifest } = sampleFile(3 * LEAF_SIZE + 5);
const { id, size, name, blockSize, publisher } = manifest;
const head = { type: "manifest", name, blockSize, publisher } as const;

/** Hash and signature of the blocks from `first` to before `end`, as the wire has them. */
function pageOf({ hashes, signatures }: Manifest, first = 0, end = 4): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array((end - first) * 96);
  for (let index = first; index < end; index++) {
    const at = (index - first) * 96;
    page.set(hashes.subarray(32 * index, 32 * index + 32), at);
    page.set(signatures.subarray(64 * index, 64 * index + 64), at + 32);
  }
  return page;
}

async function ask() {
  const { link, script, ended } = startLink();
  const answer = requestManifest(link, { id, size });
  answer.catch(() => {});
  const request = await script.expect({ type: "getManifest", id, size });
  return { link, script, ended, answer, request };
}

Deno.test("a manifest comes in one page, or in several", async () => {
  for (const cuts of [[0, 4], [0, 1, 4], [0, 2, 3, 4]]) {
    const { link, script, answer, request } = await ask();
    for (let i = 1; i < cuts.length; i++) {
      const message = i === 1 ? head : { type: "manifestPart" } as const;
      await script.send(message, request, pageOf(manifest, cuts[i - 1], cuts[i]));
    }
    assertEquals(await answer, manifest);
    link.connection.close();
  }
});

Deno.test("a manifest that is none names its sender a liar", async () => {
  const page = pageOf(manifest);
  const wrongHash = page.slice();
  wrongHash[0]! ^= 1;
  const lies = [
    { ...head, page: wrongHash },
    { ...head, page: page.subarray(0, 95) },
    { ...head, page: new Uint8Array(0) },
    { ...head, page: new Uint8Array(5 * 96) },
    { ...head, blockSize: 12_345, page },
    { ...head, blockSize: 2 ** 31, page },
    { ...head, blockSize: 2 * blockSize, page: page.subarray(0, 2 * 96) },
    { ...head, name: "../outside", page },
  ];
  for (const { page, ...message } of lies) {
    const { link, script, answer, request } = await ask();
    await script.send(message, request, page);
    await assertRejects(() => answer, PeerLied);
    // What becomes of the link is for whoever asked to say.
    assertEquals(link.connection.isClosed, false);
    link.connection.close();
  }
});

Deno.test("an answer that makes no sense ends the link", async () => {
  const { script, answer, ended, request } = await ask();
  await script.send({ type: "manifestPart" }, request, pageOf(manifest));
  assertEquals((await ended)!.name, "ProtocolError");
  await assertRejects(() => answer);
});

Deno.test("a peer that does not hold the file is no liar", async () => {
  const { link, script, answer, request } = await ask();
  await script.send({ type: "error", code: ErrorCode.absent, reason: "" }, request);
  await assertRejects(() => answer, RemoteError);
  link.connection.close();
  await settled();
});
