/**
 * What all sources of a mirror server share: which contents are on their way, and which have come. So a content
 * that several of them list is fetched once.
 *
 * Whoever wants a content first fetches it from its own source. The others wait until it has its place, and then
 * copy it. If it does not come, the next one tries.
 */

import { toHex } from "../../protocol/bytes.ts";
import type { KnownContents } from "../copy/known_contents.ts";
import type { ContentId, LocatedContent } from "../transfer/contents.ts";
import type { Stage } from "../transfer/stage.ts";
import type { Flight } from "./flight.ts";
import { PlacedContents } from "./placed_contents.ts";

export interface SharedContentsOptions {
  /** Where contents are staged on their way. */
  readonly stage: Stage;
  /** What is known of the mirror's files. */
  readonly known: KnownContents;
  /** The local path of what is at a path of the mirror. */
  readonly pathOf: (path: string) => string;
}

export class SharedContents {
  readonly stage: Stage;
  readonly pathOf: (path: string) => string;
  readonly #placed: PlacedContents;
  /** By the id of their content. */
  readonly #flights = new Map<string, Flight>();
  /** Those whose content has come and is about to get its place, by the path of its temporary file. */
  readonly #landed = new Map<string, Flight>();

  constructor({ stage, known, pathOf }: SharedContentsOptions) {
    this.stage = stage;
    this.pathOf = pathOf;
    this.#placed = new PlacedContents(known, (id) => this.#end(toHex(id)));
  }

  /** What is known of the mirror's files; whoever gives contents their places remembers them here. */
  get known(): KnownContents {
    return this.#placed;
  }

  /** The stage as whoever gives contents their places needs it: what is removed there gets none. */
  get placingStage(): Pick<Stage, "hashFiles" | "remove"> {
    return {
      hashFiles: (files, signal) => this.stage.hashFiles(files, signal),
      remove: async (paths) => {
        for (const path of paths) {
          const flight = this.#landed.get(path);
          if (flight !== undefined) this.end(flight);
        }
        await this.stage.remove(paths);
      },
    };
  }

  /** A file of the mirror that has, or had lately, this content. */
  placeOf(content: ContentId): LocatedContent | undefined {
    return this.#placed.placeOf(content);
  }

  /** The flight that brings this content, if one does. */
  flightOf({ id }: ContentId): Flight | undefined {
    return this.#flights.get(toHex(id));
  }

  /** A content is on its way; there must be no other flight that brings it. */
  begin(flight: Flight): void {
    this.#flights.set(toHex(flight.id), flight);
  }

  /** The content has come; it lies in the temporary file `staged` until it gets its place. */
  land(flight: Flight, staged: string): void {
    flight.land(staged);
    if (this.#flights.get(toHex(flight.id)) === flight) this.#landed.set(staged, flight);
  }

  /** The content does not come, or gets no place. */
  end(flight: Flight): void {
    const key = toHex(flight.id);
    if (this.#flights.get(key) === flight) this.#end(key);
  }

  #end(key: string): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    this.#flights.delete(key);
    if (flight.staged !== undefined) this.#landed.delete(flight.staged);
    flight.end();
  }
}
