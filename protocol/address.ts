/** How an address is written for people and in logs: `HOST:PORT`. */

import type { Address } from "./ports.ts";

/** `HOST:PORT`, with brackets around an IPv6 address (RFC 3986). */
export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
