/**
 * A node's private key on disk: `<dir>/.p2pnode/key`, made on first use.
 *
 * The key is written to a temporary file, synced, and then linked to its name. A link never replaces
 * anything, so a crash leaves no half key, and of two processes that start together one makes the key
 * and both use it. A key that other users can read names nobody, so it is refused.
 */

import { PRIVATE_FOLDER } from "../../protocol/path.ts";
import { KeyPair } from "../content/identity.ts";

/** Permission bits of group and others. */
const FOREIGN_BITS = 0o077;

/** A key file is some 120 bytes; more than this is something else. */
const KEY_FILE_SIZE_MAX = 4096;

/**
 * Reads the key of the node that shares `dir`, or makes one.
 *
 * @throws {Error} where the file is damaged or other users can read it, or where `dir` cannot be written.
 */
export async function loadOrCreateIdentity(dir: string): Promise<KeyPair> {
  const folder = `${dir}/${PRIVATE_FOLDER}`;
  const path = `${folder}/key`;
  return await load(path) ?? await create(folder, path);
}

/** The key in `path`, or `undefined` where there is no such file. */
async function load(path: string): Promise<KeyPair | undefined> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unusable(path, error);
  }
  if (!info.isFile || info.size > KEY_FILE_SIZE_MAX) {
    throw unusable(path, "it is no key file (move it away to get a new key)");
  }
  if (info.mode !== null && (info.mode & FOREIGN_BITS) !== 0) {
    throw unusable(path, `other users can read it (run: chmod 600 ${path})`);
  }
  let pem: string;
  try {
    pem = await Deno.readTextFile(path);
  } catch (error) {
    throw unusable(path, error);
  }
  try {
    return KeyPair.fromPem(pem);
  } catch {
    throw unusable(path, "it is damaged (restore it, or move it away to get a new key)");
  }
}

async function create(folder: string, path: string): Promise<KeyPair> {
  const pair = KeyPair.generate();
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await writeSynced(temporary, pair.toPem());
    await Deno.link(temporary, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new Error(`Cannot create key ${path}: ${reasonOf(error)}`);
    }
    // Another process was faster, so this node is the one that it made.
    const theirs = await load(path);
    if (theirs !== undefined) return theirs;
    throw new Error(`Cannot create key ${path}: it comes and goes`);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
  return pair;
}

async function writeSynced(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  let offset = 0;
  while (offset < bytes.length) offset += await file.write(bytes.subarray(offset));
  await file.sync();
}

function unusable(path: string, reason: unknown): Error {
  return new Error(`Cannot use key ${path}: ${reasonOf(reason)}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
