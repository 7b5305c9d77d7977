/**
 * Answers the other side's requests for contents.
 *
 * Requests are answered one at a time, in the order in which they came, while what the next answer takes is
 * already being read. A file that changed since its content was known is absent.
 */

import type { Connection } from "../../protocol/connection.ts";
import type { Frame } from "../../protocol/frame_reader.ts";
import type { ContentSource } from "./contents.ts";
import type { Stage } from "./stage.ts";

/** What serving takes. */
export interface ContentServerOptions {
  /** Where a content is that the other side asks for; decides whether it may have it. */
  readonly source: ContentSource;
  /** Reads the files. */
  readonly stage: Pick<Stage, "blockHashes" | "open" | "read" | "recipe">;
  /** The local path of what the source calls `path`. */
  readonly pathOf: (path: string) => string;
}

export declare class ContentServer implements Disposable {
  constructor(connection: Connection, options: ContentServerOptions);
  /**
   * Takes a request for contents, or a cancel of one. Never waits. False for a message that is none of its
   * own. Throws a `ProtocolError` for a request that makes no sense.
   */
  receive(frame: Frame): boolean;
  /** Closes what is open. The connection's end does so as well. */
  [Symbol.dispose](): void;
}
