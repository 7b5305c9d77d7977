/**
 * Compares the hash tree with libtorrent's, where Debian's python3-libtorrent is installed.
 *
 * The program reads a folder of files and prints, for each piece length, what a v2 torrent says of each
 * file: its pieces root and its piece layer.
 */

import { assertEquals } from "@std/assert";
import { toHex } from "../protocol/bytes.ts";
import { TreeHasher } from "../node/content/tree.ts";

const PYTHON = "/usr/bin/python3";
const KiB = 1024;

const PROGRAM = `
import json, os, sys
import libtorrent as lt

folder, result = sys.argv[1], []
for piece_length in map(int, sys.argv[2:]):
    files = lt.file_storage()
    lt.add_files(files, folder)
    creator = lt.create_torrent(files, piece_length, lt.create_torrent.v2_only)
    lt.set_piece_hashes(creator, os.path.dirname(folder))
    torrent = creator.generate()
    layers = torrent[b"piece layers"]
    for name, entry in torrent[b"info"][b"file tree"].items():
        root = entry[b""].get(b"pieces root", bytes(32))
        result.append([piece_length, name.decode(), root.hex(), layers.get(root, b"").hex()])
print(json.dumps(result))
`;

async function hasLibtorrent(): Promise<boolean> {
  try {
    const args = ["-c", "import libtorrent"];
    return (await new Deno.Command(PYTHON, { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Bytes without a pattern that repeats from leaf to leaf. */
function contentOf(size: number): Uint8Array {
  const words = new Int32Array(Math.ceil(size / 4));
  for (let i = 0, word = size; i < words.length; i++) {
    word = Math.imul(word, 1664525) + 1013904223 | 0;
    words[i] = word;
  }
  return new Uint8Array(words.buffer, 0, size);
}

Deno.test({
  name: "TreeHasher agrees with libtorrent on roots and piece layers",
  ignore: !await hasLibtorrent(),
  async fn() {
    const sizes = [0, 1, 16_383, 16_384, 16_385, 100_000, 262_144, 262_145, 2 ** 20, 3_456_789];
    const pieceLengths = [16 * KiB, 64 * KiB, 256 * KiB, 1024 * KiB];
    const base = await Deno.makeTempDir();
    try {
      const folder = `${base}/folder`;
      await Deno.mkdir(folder);
      for (const size of sizes) await Deno.writeFile(`${folder}/${size}`, contentOf(size));
      const args = ["-c", PROGRAM, folder, ...pieceLengths.map(String)];
      const { stdout } = await new Deno.Command(PYTHON, { args, stderr: "inherit" }).output();
      const rows: [number, string, string, string][] = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(rows.length, sizes.length * pieceLengths.length);
      for (const [pieceLength, name, root, layer] of rows) {
        const hasher = new TreeHasher(pieceLength);
        hasher.update(contentOf(Number(name)));
        const { id, hashes, size } = hasher.digest();
        assertEquals(toHex(id), root, `${name} bytes`);
        // A file of a single piece has no layer: its only hash would be the root.
        if (size > pieceLength) assertEquals(toHex(hashes), layer, `${name} bytes`);
      }
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  },
});
