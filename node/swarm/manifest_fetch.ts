/**
 * Gets the manifest of one file from whichever of its holders sends a right one first.
 *
 * Holders are asked one after the other, so that a manifest of megabytes travels once. One that keeps us
 * waiting may do so for ever: then the next is asked as well.
 */

import { sameBytes } from "../../protocol/bytes.ts";
import type { Clock } from "../../protocol/ports.ts";
import type { Manifest } from "../content/manifest.ts";
import type { BlockDisk } from "../store/disk.ts";
import type { FileId } from "./catalog.ts";
import type { Link } from "./link.ts";
import type { Links } from "./links.ts";
import { PeerLied, requestManifest } from "./manifest_request.ts";

/** How long one holder is waited for before the next is asked as well. */
const PATIENCE_MS = 3_000;

/** What is wanted: a file, under a name, perhaps of one publisher only. */
export interface WantedManifest extends FileId {
  readonly name: string;
  readonly publisher?: Uint8Array;
}

export interface ManifestFetchOptions {
  readonly disk: BlockDisk;
  readonly links: Links;
  readonly clock: Clock;
}

export class ManifestFetch {
  readonly #wanted: WantedManifest;
  readonly #options: ManifestFetchOptions;
  readonly #found = Promise.withResolvers<Manifest>();
  #isFound = false;
  /** Resolves when the holder that was asked last has answered, rightly or not. */
  #asked: Promise<void> | undefined;

  constructor(wanted: WantedManifest, options: ManifestFetchOptions) {
    this.#wanted = wanted;
    this.#options = options;
  }

  /**
   * The manifest under the wanted name, signatures verified: from this peer, unless another one is faster.
   * Rejects when it had to come from this peer and did not; if it was a false one, the peer is banned.
   */
  async from(link: Link): Promise<Manifest> {
    while (!this.#isFound && this.#asked !== undefined) {
      const asked = this.#asked;
      await Promise.race([asked, this.#options.clock.sleep(PATIENCE_MS)]);
      if (this.#asked === asked) break;
    }
    if (this.#isFound) return await this.#found.promise;
    const answer = this.#ask(link);
    this.#asked = answer.then(() => {}, () => {});
    return await Promise.race([this.#found.promise, answer]);
  }

  async #ask(link: Link): Promise<Manifest> {
    const { disk, links } = this.#options;
    const { name, publisher } = this.#wanted;
    try {
      const manifest = { ...await requestManifest(link, this.#wanted), name };
      if (publisher !== undefined && !sameBytes(publisher, manifest.publisher)) {
        throw new Error("it is signed by another publisher");
      }
      if (!await disk.verifySignatures(manifest)) {
        throw new PeerLied("sent a manifest with a wrong signature");
      }
      this.#isFound = true;
      this.#found.resolve(manifest);
      return await this.#found.promise;
    } catch (reason) {
      if (reason instanceof PeerLied) links.ban(link, reason.message);
      throw reason;
    }
  }
}
