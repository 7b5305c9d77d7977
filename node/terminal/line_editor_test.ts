import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { KeyDecoder } from "./key_decoder.ts";
import { type Completer, type EditorEvent, LineEditor } from "./line_editor.ts";

const up = "\x1b[A";
const down = "\x1b[B";
const right = "\x1b[C";
const left = "\x1b[D";
const ctrlLeft = "\x1b[1;5D";
const ctrlRight = "\x1b[1;5C";
const del = "\x1b[3~";

/** Types into a new editor as a terminal would. */
function type(...inputs: string[]) {
  return typeInto(new LineEditor(), ...inputs);
}

function typeInto(editor: LineEditor, ...inputs: string[]) {
  const decoder = new KeyDecoder();
  const events: EditorEvent[] = [];
  for (const key of decoder.decode(new TextEncoder().encode(inputs.join("")))) {
    const event = editor.feed(key);
    if (event !== undefined) events.push(event);
  }
  const marked = `${editor.text.slice(0, editor.cursor)}|${editor.text.slice(editor.cursor)}`;
  return { marked, events };
}

Deno.test("text goes in at the cursor", () => {
  const edits: [string, string][] = [
    ["get a", "get a|"],
    [`gt${left}e`, "ge|t"],
    [`bc\x01a`, "a|bc"],
    [`ab\x01${right}x${right}${right}`, "axb|"],
    [`abc\x7f\x7f`, "a|"],
    [`\x7f${del}${left}${right}`, "|"],
    [`abc\x01${del}`, "|bc"],
    [`abc${left}\x04`, "ab|"],
    [`one two${ctrlLeft}x`, "one x|two"],
    [`one two ${ctrlLeft}${ctrlLeft}${ctrlLeft}${ctrlRight}`, "one| two "],
    [`one two${ctrlLeft}\x0b`, "one |"],
    [`one two${ctrlLeft}\x15`, "|two"],
    [`one two \x17`, "one |"],
    [`one\x17\x17`, "|"],
    [`e\u0301🇩🇪日${left}${left}`, "e\u0301|🇩🇪日"],
    [`a🇩🇪\x7f`, "a|"],
  ];
  for (const [input, marked] of edits) {
    assertEquals(type(input).marked, marked, JSON.stringify(input));
  }
});

Deno.test("Enter gives the line and begins a new one", () => {
  const { marked, events } = type(`ab${left}\r`, "\r", "x");
  assertEquals(events, [{ event: "line", line: "ab" }, { event: "line", line: "" }]);
  assertEquals(marked, "x|");
});

Deno.test("Ctrl-C, Ctrl-D and Ctrl-L", () => {
  const { marked, events } = type("abc\x03", "\x03", "\x04", "x\x0c", `${left}\x04`, "\x04");
  assertEquals(events, [
    { event: "interrupt", dropped: "abc" },
    { event: "interrupt", dropped: "" },
    { event: "endOfInput" },
    { event: "clearScreen" },
    { event: "endOfInput" },
  ]);
  assertEquals(marked, "|");
});

Deno.test("up and down walk through the history and come back to the draft", () => {
  const typed = "one\rtwo\rtwo\r  \rdra";
  assertEquals(type(typed, up).marked, "two|");
  assertEquals(type(typed, up, up).marked, "one|");
  assertEquals(type(typed, up, up, up, up).marked, "one|");
  assertEquals(type(typed, up, up, down).marked, "two|");
  assertEquals(type(typed, up, up, down, down, down, "ft").marked, "draft|");
  assertEquals(type(typed, up, up, "!\r", up).marked, "one!|");
  assertEquals(type(typed, up, up, "!\r", up, up, up).marked, "one|");
  assertEquals(type(typed, up, "\x03", down).marked, "|");
});

Deno.test("the history forgets the oldest lines", () => {
  const lines = Array.from({ length: 600 }, (_, index) => `line ${index}\r`);
  assertEquals(type(...lines, up.repeat(1000)).marked, "line 100|");
});

Deno.test("a line is bounded and never ends in half a character", () => {
  const { marked } = type("x".repeat(4095), "🎉");
  assertEquals(marked, "x".repeat(4095) + "|");
  assert(marked.isWellFormed());
  assertEquals(type(`\x1b[200~${"x".repeat(100_000)}\x1b[201~`).marked.length, 4096 + 1);
});

Deno.test("Tab completes a word, or as much as all words have in common", () => {
  const complete: Completer = (beforeCursor) => {
    const start = beforeCursor.lastIndexOf(" ") + 1;
    const known = ["get", "list", "movie-1", "movie-2"];
    return { start, words: known.filter((word) => word.startsWith(beforeCursor.slice(start))) };
  };
  const tab = (...inputs: string[]) => typeInto(new LineEditor(complete), ...inputs);
  assertEquals(tab("g\t").marked, "get |");
  assertEquals(tab("get m\t").marked, "get movie-|");
  assertEquals(tab("get m\t\t").events, [{ event: "choices", words: ["movie-1", "movie-2"] }]);
  assertEquals(tab("get mx", left, "\t").marked, "get movie-|x");
  assertEquals(tab("get z\t"), { marked: "get z|", events: [] });
  assertEquals(type("g\t"), { marked: "g|", events: [] });
});

Deno.test("whatever is typed, the cursor stays within the text", () => {
  const keys = fc.constantFrom(
    ..."a é\u0301🎉\r\x01\x02\x03\x04\x05\x06\x0b\x0c\x0e\x10\x15\x17\x7f\t",
    ...[up, down, left, right, del, ctrlLeft, ctrlRight],
  );
  fc.assert(
    fc.property(fc.array(keys, { maxLength: 60 }), (inputs) => {
      const editor = new LineEditor(() => ({ start: 0, words: ["a b", "aé"] }));
      for (const input of inputs) {
        typeInto(editor, input);
        assert(editor.cursor >= 0 && editor.cursor <= editor.text.length);
        assert(editor.text.isWellFormed());
      }
    }),
    { seed: 1 },
  );
});
