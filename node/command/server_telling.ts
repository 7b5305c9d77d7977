/** What every server tells: that it listens, what it logs, and what else happens in it, each on one line. */

import { addressText } from "../../protocol/address.ts";
import type { Address, Log } from "../../protocol/ports.ts";
import { printable } from "../text/printable.ts";
import type { Tell } from "./tell.ts";
import type { World } from "./world.ts";

export interface ServerTelling {
  readonly tell: Tell;
  readonly log: Log;
  readonly onListening: (address: Address) => void;
}

/** Tells one JSON object a line, or the text, made printable. */
export function serverTelling({ print }: Pick<World, "print">, json: boolean): ServerTelling {
  const tell: Tell = (event, fields, text) =>
    print(json ? JSON.stringify({ event, ...fields }) : printable(text));
  return {
    tell,
    log: (line) => tell("log", { line }, line),
    onListening: (address) =>
      tell("listening", { ...address }, `listening on ${addressText(address)}`),
  };
}
