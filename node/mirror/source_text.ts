/**
 * How sources are written on a command line: `address:port:path:delay`, several with commas between them.
 *
 *     10.0.0.5:7200:photos/2026          a folder or a file
 *     [2001:db8::5]:7200:photos:0.25     by IPv6, and with a quarter of a second before each file
 *     mirror.lan:7200                    all that is offered there
 *
 * A path with a colon needs the delay behind it. A comma that belongs to a path is written `\,`; no path
 * has a backslash of its own.
 */

import { HOST_SIZE_MAX } from "../../protocol/mirror_messages.ts";
import { nameProblem } from "../../protocol/path.ts";
import { printable } from "../text/printable.ts";

/** The longest delay, in seconds. A copier waits longer than that for the answer. */
export const DELAY_SECONDS_MAX = 600;

/** Where to mirror from. */
export interface MirrorSource {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** A folder or a file that the source offers, as a safe name; "" for all. */
  readonly path: string;
  /** Milliseconds that the source shall wait before it sends each file. */
  readonly delayMs: number;
}

/** The sources of a text with commas between them. Throws `Cannot read source "TEXT": reason`. */
export function parseSources(text: string): MirrorSource[] {
  return text.split(/(?<!\\),/).map((source) => parseSource(source.replaceAll("\\,", ",")));
}

/** A source as `parseSource` reads it, without its delay. */
export function sourceText({ host, port, path }: Omit<MirrorSource, "delayMs">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}${path === "" ? "" : `:${path}`}`;
}

function parseSource(text: string): MirrorSource {
  const fail = (reason: string): never => {
    throw new Error(`Cannot read source "${printable(text)}": ${reason}`);
  };
  const [, hostText = "", rest = ""] = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(text) ??
    fail("it must begin with an address, an IPv6 one in brackets, as in [::1]:7200:path");
  if (hostText === "") fail("its address is missing");
  const host = readHost(hostText) ??
    fail(`"${printable(hostText)}" is neither a name nor an IP address`);
  const [, portText = "", path = "", delayText] = /^([^:]*)(?::(.*?)(?::([^:]*))?)?$/s.exec(rest)!;
  return {
    host,
    port: readPort(portText) ??
      fail(`its port must be from 1 to 65535, not "${printable(portText)}"`),
    path: readPath(path, fail),
    delayMs: readDelayMs(delayText) ??
      fail(
        `its delay must be seconds from 0 to ${DELAY_SECONDS_MAX}, such as 0.5, not "${
          printable(delayText!)
        }"`,
      ),
  };
}

/** A host in its usual notation, as URLs have it (RFC 3986), so that one source has one text. */
function readHost(text: string): string | undefined {
  if (/[^\p{L}\p{N}._:[\]-]/u.test(text)) return undefined;
  const host = URL.parse(`http://${text}`)?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "";
  return host === "" || host.length > HOST_SIZE_MAX ? undefined : host;
}

function readPort(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** A path as people write it: `./a/` and `a` are the same. */
function readPath(text: string, fail: (reason: string) => never): string {
  const path = text.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "");
  if (!text.startsWith("/") && (path === "" || path === ".")) return "";
  const problem = text.startsWith("/")
    ? "it is absolute (paths begin at the top of what the source offers)"
    : nameProblem(path);
  return problem === undefined ? path : fail(`its path cannot be used: ${problem}`);
}

function readDelayMs(text = ""): number | undefined {
  if (text === "") return 0;
  const seconds = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || seconds > DELAY_SECONDS_MAX) return undefined;
  return Math.round(seconds * 1000);
}
