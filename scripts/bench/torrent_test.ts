import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { TreeHasher } from "../../node/content/tree.ts";
import { randomBytes, temporaryFolder } from "../../tests/files.ts";
import { describeV1, describeV2, torrentFile } from "./torrent.ts";

const SIZE = 300 * 1024;
const PIECE_SIZE = 256 * 1024;

/** Bytes as text of the same length, so that a torrent file can be compared with a string. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

Deno.test("a version 1 torrent names tracker, length, name, piece length and SHA-1 of each piece", () => {
  using folder = temporaryFolder();
  const bytes = randomBytes(SIZE, 1);
  Deno.writeFileSync(folder.join("a.bin"), bytes);
  const source = { folder: folder.path, name: "a.bin", path: folder.join("a.bin"), size: SIZE };
  const sha1 = (piece: Uint8Array) => latin1(createHash("sha1").update(piece).digest());
  const pieces = sha1(bytes.subarray(0, PIECE_SIZE)) + sha1(bytes.subarray(PIECE_SIZE));
  const info = `d6:lengthi${SIZE}e4:name5:a.bin12:piece lengthi${PIECE_SIZE}e6:pieces40:${pieces}e`;
  const body = describeV1(source);
  assertEquals(
    latin1(torrentFile(body, { announce: "http://t" })),
    `d8:announce8:http://t4:info${info}e`,
  );
  assertEquals(latin1(torrentFile(body)), `d4:info${info}e`);
  assertEquals(body.infoHash, createHash("sha1").update(body.info).digest());
});

Deno.test("a version 2 torrent names the root of the hash tree and the layer of its pieces", () => {
  using folder = temporaryFolder();
  const bytes = randomBytes(SIZE, 2);
  Deno.writeFileSync(folder.join("a.bin"), bytes);
  const source = { folder: folder.path, name: "a.bin", path: folder.join("a.bin"), size: SIZE };
  const hasher = new TreeHasher(PIECE_SIZE);
  hasher.update(bytes);
  const { id, hashes } = hasher.digest();
  const root = latin1(id);
  assertEquals(
    latin1(torrentFile(describeV2(source))),
    `d4:infod9:file treed5:a.bind0:d6:lengthi${SIZE}e11:pieces root32:${root}eee` +
      `12:meta versioni2e4:name5:a.bin12:piece lengthi${PIECE_SIZE}ee` +
      `12:piece layersd32:${root}64:${latin1(hashes)}ee`,
  );
});
