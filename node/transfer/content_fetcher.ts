/**
 * Fetches contents from the other side of a connection: small ones packed, large ones by block, or by the
 * pieces that this side lacks.
 */

import type { Connection } from "../../protocol/connection.ts";
import type {
  ArrivedContent,
  ContentFetcher,
  FetchOptions,
  MissingContent,
  WantedContent,
} from "./contents.ts";
import type { Stage } from "./stage.ts";

/** What fetching takes. */
export interface RemoteContentsOptions {
  /** Where what comes is staged. */
  readonly stage: Stage;
  /** The local path of what a base's `path` names. */
  readonly pathOf: (path: string) => string;
}

/** The contents that the other side of a connection has. A base with the wanted content itself is copied. */
export declare class RemoteContents implements ContentFetcher {
  constructor(connection: Connection, options: RemoteContentsOptions);
  fetch(
    wants: readonly WantedContent[],
    options: FetchOptions,
  ): AsyncGenerator<ArrivedContent | MissingContent, void>;
  /** Bytes of contents that have come over the wire. */
  readonly bytesReceived: number;
}
