import { assertEquals, assertRejects } from "@std/assert";
import { unlessAborted, untilAborted } from "./until_aborted.ts";

Deno.test("untilAborted() waits for the abort, and not for one that was before", async () => {
  const stopped = new AbortController();
  let isOver = false;
  const waiting = untilAborted(stopped.signal).then(() => isOver = true);
  await Promise.resolve();
  assertEquals(isOver, false);
  stopped.abort();
  await waiting;
  await untilAborted(stopped.signal);
});

Deno.test("unlessAborted() gives what the promise gives", async () => {
  const { signal } = new AbortController();
  assertEquals(await unlessAborted(Promise.resolve(5), signal), 5);
  const failing = Promise.reject(new Error("no"));
  await assertRejects(() => unlessAborted(failing, signal), Error, "no");
});

Deno.test("unlessAborted() rejects with the signal's reason", async () => {
  const stopped = new AbortController();
  const never = new Promise(() => {});
  const waiting = unlessAborted(never, stopped.signal);
  stopped.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
  await assertRejects(() => unlessAborted(never, stopped.signal), Error, "stopped");
});

Deno.test("unlessAborted() lets go of the signal", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  Object.assign(signal, {
    addEventListener: (_type: string, listener: unknown) => listeners.add(listener),
    removeEventListener: (_type: string, listener: unknown) => listeners.delete(listener),
  });
  const waiting = unlessAborted(Promise.resolve(), signal);
  assertEquals(listeners.size, 1);
  await waiting;
  assertEquals(listeners.size, 0);
});
