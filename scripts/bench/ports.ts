/** TCP ports on loopback for programs that cannot choose one themselves. */

const RETRY_MS = 10;
const PATIENCE_MS = 20_000;

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until somebody listens on the port. */
export async function untilListening(port: number): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
