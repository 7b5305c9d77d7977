/**
 * Large contents that are fetched from the server while another device still sends them there.
 *
 * What the server says of them is a hint. Blocks are verified as they come and stay in the partial file; when
 * the entry arrives that names the content, the usual fetch goes on from there. So whatever goes wrong here costs
 * time or bytes and nothing else.
 */

import { SMALL_SIZE_MAX } from "../../../protocol/content_messages.ts";
import type { MessageOf } from "../../../protocol/messages.ts";
import { contentKey } from "../../transfer/contents.ts";
import type {
  ContentFetcher,
  ContentId,
  FetchOptions,
  FetchResult,
  WantedContent,
} from "../../transfer/contents.ts";
import type { RemoteContents } from "../../transfer/content_fetcher.ts";
import { Growth } from "../../transfer/growth.ts";

/** Contents that are fetched ahead at once. The others wait for their entries. */
const AT_ONCE_MAX = 2;
/** Contents that have come as far as they could, and whose entries have not come. */
const ENDED_MAX = 16;

export interface ContentsAheadOptions {
  readonly remote: Pick<RemoteContents, "fetch" | "fetchAhead">;
  /** Whether a file here has the content. */
  readonly isHere: (content: ContentId) => boolean;
}

/** A content that is being fetched ahead. */
interface Ahead {
  readonly content: ContentId;
  readonly growth: Growth;
  readonly ended: Promise<void>;
}

/** The contents of the server, some of which are here in part before they are wanted. */
export class ContentsAhead implements ContentFetcher, Disposable {
  readonly #options: ContentsAheadOptions;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Ahead>();
  readonly #ended = new Map<string, ContentId>();

  constructor(options: ContentsAheadOptions) {
    this.#options = options;
  }

  /** The contents that are here in part, and will probably be wanted. */
  get contents(): ContentId[] {
    return [...this.#running.values().map(({ content }) => content), ...this.#ended.values()];
  }

  /** The server has so much of a content that no entry names yet. */
  note({ id, size, ready }: MessageOf<"coming">): void {
    const content = { id, size };
    const key = contentKey(content);
    const running = this.#running.get(key);
    if (running !== undefined) return running.growth.reach(ready);
    const isRefused = this.#closing.signal.aborted || this.#running.size >= AT_ONCE_MAX ||
      this.#ended.has(key) || size <= SMALL_SIZE_MAX || this.#options.isHere(content);
    if (isRefused) return;
    const growth = new Growth();
    growth.reach(ready);
    this.#running.set(key, { content, growth, ended: this.#fetchAhead(content, growth) });
  }

  /** Fetches contents, and goes on where one was fetched ahead. */
  async *fetch(
    wants: readonly WantedContent[],
    options: FetchOptions,
  ): AsyncGenerator<FetchResult, void> {
    const keys = wants.map(contentKey);
    const running = keys.map((key) => this.#running.get(key));
    for (const ahead of running) ahead?.growth.end();
    await Promise.all(running.map((ahead) => ahead?.ended));
    for (const key of keys) this.#ended.delete(key);
    yield* this.#options.remote.fetch(wants, options);
  }

  /** Fetches nothing ahead any more. */
  [Symbol.dispose](): void {
    this.#closing.abort(new Error("nothing is fetched ahead any more"));
    for (const { growth } of this.#running.values()) growth.end();
  }

  /** Never rejects: a fetch that is wanted will say what is wrong. */
  async #fetchAhead(content: ContentId, growth: Growth): Promise<void> {
    const key = contentKey(content);
    try {
      await this.#options.remote.fetchAhead(content, growth, this.#closing.signal);
    } catch {
      // The content is gone at the server, or cannot be written here.
    }
    this.#running.delete(key);
    if (this.#ended.size >= ENDED_MAX) this.#ended.delete(this.#ended.keys().next().value!);
    this.#ended.set(key, content);
  }
}
