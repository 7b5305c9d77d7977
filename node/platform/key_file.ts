/**
 * A node's private key on disk: `<dir>/.p2pnode/key`, made on first use.
 *
 * The key is written to a temporary file, synced, and then linked to its name. A link never replaces
 * anything, so a crash leaves no half key, and of several processes that start together one makes the
 * key and all use it. A key that other users can read names nobody, so it is refused.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { KeyPair } from "../content/identity.ts";
import { errorNameOf, FileError, reasonOf } from "./disk_failure.ts";

const KEY = "key";
/** Permission bits of group and others. */
const FOREIGN_BITS = 0o077;
/** A key file is some 120 bytes; more than this is something else. */
const KEY_FILE_SIZE_MAX = 4096;

/**
 * Reads the key of the node that shares `dir`, or makes one.
 *
 * @throws {Error} `Cannot use key PATH: reason` where the file is damaged or other users can read it,
 * `Cannot make key PATH: reason` where there is none and `dir` is missing or cannot be written.
 */
export async function loadOrCreateIdentity(dir: string): Promise<KeyPair> {
  const folder = `${dir}/${PRIVATE_FOLDER}`;
  const path = `${folder}/${KEY}`;
  const pair = await load(path) ?? await create(folder, path);
  await removeLeftovers(folder);
  return pair;
}

/** The key in `path`, or `undefined` where there is no such file. */
async function load(path: string): Promise<KeyPair | undefined> {
  try {
    const { isFile, size, mode } = await Deno.lstat(path);
    if (!isFile || size > KEY_FILE_SIZE_MAX) throw new FileError("ENOTREG");
    if (mode !== null && (mode & FOREIGN_BITS) !== 0) {
      throw new Error(`other users can read it (run: chmod 600 ${path})`);
    }
    return parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot use key ${path}: ${reasonOf(error)}`);
  }
}

function parse(pem: string): KeyPair {
  try {
    return KeyPair.fromPem(pem);
  } catch {
    throw new Error("it is damaged (restore it, or move it away to get a new key)");
  }
}

async function create(folder: string, path: string): Promise<KeyPair> {
  const pair = KeyPair.generate();
  try {
    await makeFolder(folder);
    const temporary = `${path}.${crypto.randomUUID()}`;
    await writeSynced(temporary, pair.toPem());
    await Deno.link(temporary, path);
    return pair;
  } catch (error) {
    // Where another process was faster, its key is there, and it may have removed our temporary file.
    const theirs = ["EEXIST", "ENOENT"].includes(errorNameOf(error)) && await load(path);
    if (theirs) return theirs;
    throw new Error(`Cannot make key ${path}: ${reasonOf(error)}`);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  let written = 0;
  while (written < bytes.length) written += await file.write(bytes.subarray(written));
  await file.sync();
}

/** Removes temporary files, also those that a crash left: there is a key now, so nobody needs them. */
async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(`${KEY}.`)) await Deno.remove(`${folder}/${name}`).catch(() => {});
  }
}
