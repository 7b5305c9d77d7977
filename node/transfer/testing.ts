/** Test support, imported by tests only: two sides with stages in memory, and contents that one of them has. */

import { Connection } from "../../protocol/connection.ts";
import { duplexPair, seededRandom } from "../../protocol/testing.ts";
import { MemoryFiles } from "../../tests/sync_simulation/memory_files.ts";
import { contentOf, MemoryStage } from "../../tests/sync_simulation/memory_stage.ts";
import { RemoteContents } from "./content_fetcher.ts";
import { ContentServer } from "./content_server.ts";
import { contentKey } from "./contents.ts";
import type {
  ContentId,
  ContentSource,
  GrowingContent,
  LocatedContent,
  WantedContent,
} from "./contents.ts";
import type { Stage } from "./stage.ts";

/** A machine that has files and a stage. */
export class Side implements ContentSource {
  readonly files = new MemoryFiles();
  readonly stage = new MemoryStage(this.files, "/stage");
  readonly #contents = new Map<string, LocatedContent>();
  #count = 0;

  /** Puts bytes into a file and remembers what they are. */
  add(bytes: Uint8Array): LocatedContent {
    const path = `/files/${this.#count++}`;
    this.files.write(path, bytes.slice());
    const located = { ...contentOf(bytes), path, stamp: this.files.stateOf(path)!.stamp };
    this.#contents.set(contentKey(located), located);
    return located;
  }

  find(content: ContentId): LocatedContent | undefined {
    return this.#contents.get(contentKey(content));
  }

  growing(content: ContentId): GrowingContent | undefined {
    return this.stage.growing(content);
  }
}

/** The path of a located content is a local one already. */
export function samePath(path: string): string {
  return path;
}

/** What is wanted, without bases if none are given. */
export function wanted(
  { id, size }: ContentId,
  bases: readonly LocatedContent[] = [],
): WantedContent {
  return { id, size, bases };
}

/** Two sides that are connected: `theirs` serves, and `remote` fetches from it onto `mine`. */
export function connectedSides(
  options: { readonly stage?: (stage: Stage) => Stage; readonly chunkSize?: number } = {},
) {
  const [mine, theirs] = [new Side(), new Side()];
  const [here, there] = duplexPair({ random: seededRandom(1) });
  const connection = new Connection(here);
  const other = new Connection(there);
  const sent: number[] = [];
  const server = new ContentServer(other, {
    source: theirs,
    stage: theirs.stage,
    pathOf: samePath,
    chunkSize: options.chunkSize,
    sent: (_content, size) => sent.push(size),
  });
  const ended = Promise.all([
    connection.run(() => {}),
    other.run((frame) => void server.receive(frame)),
  ]);
  const stage = options.stage?.(mine.stage) ?? mine.stage;
  const remote = new RemoteContents(connection, { stage, pathOf: samePath });
  const close = async () => {
    connection.close();
    await ended;
  };
  return { mine, theirs, connection, other, server, remote, sent, [Symbol.asyncDispose]: close };
}
