import { assertEquals } from "@std/assert";
import { AnySignal } from "./any_signal.ts";

Deno.test("AnySignal is aborted with the first of several, for its reason", () => {
  const [a, b] = [new AbortController(), new AbortController()];
  using any = new AnySignal([a.signal, b.signal]);
  let count = 0;
  any.signal.addEventListener("abort", () => count++);
  assertEquals(any.signal.aborted, false);
  b.abort("b");
  a.abort("a");
  assertEquals([any.signal.aborted, any.signal.reason, count], [true, "b", 1]);
});

Deno.test("AnySignal is aborted from the start with one that is", () => {
  using any = new AnySignal([new AbortController().signal, AbortSignal.abort("over")]);
  assertEquals([any.signal.aborted, any.signal.reason], [true, "over"]);
});

Deno.test("AnySignal has nothing to do with the others once it is disposed of", () => {
  const one = new AbortController();
  const any = new AnySignal([one.signal]);
  any[Symbol.dispose]();
  one.abort();
  assertEquals(any.signal.aborted, false);
});
