import { assertEquals } from "@std/assert";
import { completeWith } from "./completion.ts";

const complete = completeWith((before) =>
  before.length === 0 ? ["get", "list", "peers"] : before[0] === "get" ? ["a.txt", "my file"] : []
);

Deno.test("completeWith() offers what fits at the place of the word", () => {
  assertEquals(complete("g"), { start: 0, words: ["get"] });
  assertEquals(complete(""), { start: 0, words: ["get", "list", "peers"] });
  assertEquals(complete("get "), { start: 4, words: ["a.txt", '"my file"'] });
  assertEquals(complete("get x"), { start: 4, words: [] });
  assertEquals(complete("list a"), { start: 5, words: [] });
});

Deno.test("completeWith() goes on with a quoted word", () => {
  assertEquals(complete('get "my f'), { start: 4, words: ['"my file"'] });
  assertEquals(complete("get my\\ f"), { start: 4, words: ['"my file"'] });
});
