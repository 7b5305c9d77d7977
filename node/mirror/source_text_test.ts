import { assertEquals, assertThrows } from "@std/assert";
import { parseSources, sourceText } from "./source_text.ts";

Deno.test("parseSources() reads address, port, path and delay", () => {
  assertEquals(parseSources("10.0.0.5:7200:photos/2026:0.25,mirror.lan:80"), [
    { host: "10.0.0.5", port: 7200, path: "photos/2026", delayMs: 250 },
    { host: "mirror.lan", port: 80, path: "", delayMs: 0 },
  ]);
});

Deno.test("parseSources() reads IPv6 addresses in brackets, and writes each in one way", () => {
  const [long, short] = parseSources("[2001:DB8:0::5]:7200:a/b:1,[::1]:1");
  assertEquals(long, { host: "2001:db8::5", port: 7200, path: "a/b", delayMs: 1000 });
  assertEquals(short, { host: "::1", port: 1, path: "", delayMs: 0 });
  assertEquals([long!, short!].map(sourceText), ["[2001:db8::5]:7200:a/b", "[::1]:1"]);
});

Deno.test("parseSources() reads paths as people write them", () => {
  const paths: [string, string][] = [
    ["h:1:./a/", "a"],
    ["h:1:.", ""],
    ["h:1:./", ""],
    ["h:1:", ""],
    ["h:1::0.5", ""],
    ["h:1:a:b:0", "a:b"],
    ["h:1:été/日本", "été/日本"],
  ];
  for (const [text, path] of paths) assertEquals(parseSources(text)[0]!.path, path, text);
  assertEquals(parseSources("h:1:a\\,b,h:2").map(({ path }) => path), ["a,b", ""]);
});

Deno.test("parseSources() says what is wrong with which source", () => {
  const problems: [string, string][] = [
    ["", "its address is missing"],
    [":7200:a", "its address is missing"],
    ["::1:7200:a", "its address is missing"],
    ["[::1:7200:a", "an IPv6 one in brackets"],
    ["[::1]7200", "an IPv6 one in brackets"],
    ["[::x]:7200", '"[::x]" is neither a name nor an IP address'],
    ["a b:7200", '"a b" is neither'],
    ["a@b:7200", '"a@b" is neither'],
    ["300.1.1.1:7200", '"300.1.1.1" is neither'],
    ["h", 'its port must be from 1 to 65535, not ""'],
    ["h:", 'not ""'],
    ["h:a", 'not "a"'],
    ["h:0:a", 'not "0"'],
    ["h:65536:a", 'not "65536"'],
    ["h:7200:/etc", "it is absolute"],
    ["h:7200:a/../b", 'it has the component ".."'],
    ["h:7200:..", 'it has the component ".."'],
    ["h:7200:a//b", "an empty component"],
    ["h:7200:a:x", 'its delay must be seconds from 0 to 600, such as 0.5, not "x"'],
    ["h:7200:a:-1", 'not "-1"'],
    ["h:7200:a:601", 'not "601"'],
    ["h:7200:a:1e2", 'not "1e2"'],
    ["h:7200:a:b:c", 'not "c"'],
  ];
  for (const [text, reason] of problems) {
    const error = assertThrows(() => parseSources(`ok:1,${text}`), Error, reason);
    assertEquals(error.message.startsWith(`Cannot read source "${text}": `), true, error.message);
  }
});
