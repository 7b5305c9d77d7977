import { assertEquals } from "@std/assert";
import { lineAt, readSource } from "./source_text.ts";

/** The words that are left as code, in order. */
function words(text: string): string[] {
  return readSource(text).code.match(/[\w$]+/g) ?? [];
}

Deno.test("readSource() blanks comments and keeps line breaks", () => {
  const text = "a // b\n/* c\n d */ e /* open";
  assertEquals(words(text), ["a", "e"]);
  assertEquals(readSource(text).code.length, text.length);
  assertEquals(readSource(text).code.split("\n").length, 3);
});

Deno.test("readSource() blanks strings and remembers what they say", () => {
  const { code, strings } = readSource(`a("b", 'c\\'d', "// e"); f`);
  assertEquals(code.match(/\w+/g), ["a", "f"]);
  assertEquals([...strings.values()], ["b", "c\\'d", "// e"]);
  assertEquals(code[2], '"');
  assertEquals(strings.get(2), "b");
});

Deno.test("readSource() keeps the code inside of templates", () => {
  assertEquals(words("a`b ${c({ d: `e ${f} g` })} h`; i"), ["a", "c", "d", "f", "i"]);
  assertEquals(words("`\\${a} ${b}`; c"), ["b", "c"]);
  assertEquals([...readSource("import(`./x.ts`)").strings.values()], ["./x.ts"]);
});

Deno.test("readSource() tells a regular expression from a division", () => {
  assertEquals(words('a = /b[/]c"/g; d'), ["a", "g", "d"]);
  assertEquals(words("return /b'/.test(c)"), ["return", "test", "c"]);
  assertEquals(words("a / b / c"), ["a", "b", "c"]);
  assertEquals(words('f(a) / b; "/"; c'), ["f", "a", "b", "c"]);
});

Deno.test("readSource() survives a string that never ends", () => {
  assertEquals(words('a "b\nc'), ["a", "c"]);
  assertEquals(words("a `b\nc"), ["a"]);
});

Deno.test("lineAt() counts from one", () => {
  assertEquals(["a", "b", "c"].map((char) => lineAt("a\nb\n\nc", "a\nb\n\nc".indexOf(char))), [
    1,
    2,
    4,
  ]);
});
