import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { defineCommand } from "./declaration.ts";
import { asksForDebug, asksForHelp, parseCommand } from "./options.ts";
import { unknownCommand, UsageError } from "./usage_error.ts";

const get = defineCommand({
  name: "get",
  summary: "Downloads files from the swarm.",
  positionals: {
    trackerHost: { doc: "the tracker's address" },
    trackerPort: { doc: "its port", kind: "port" },
    names: { doc: "what to fetch", presence: "rest" },
  },
  flags: {
    out: { kind: "text", short: "o", doc: "where to", default: ".", placeholder: "DIR" },
    publisher: { kind: "text", doc: "only accept this publisher" },
    force: { kind: "boolean", short: "f", doc: "overwrite" },
    json: { kind: "boolean", short: "j", doc: "one JSON object per line" },
    connections: { kind: "count", short: "c", doc: "peers", default: 8, min: 1, max: 64 },
    cache: { kind: "size", doc: "cache", default: 256 * 1024 ** 2 },
    ttl: { kind: "seconds", doc: "time to live" },
    also: { kind: "list", doc: "more names" },
  },
  examples: [],
});

const parse = (...args: string[]) => parseCommand(get, ["host", "5000", ...args]);

Deno.test("parseCommand() fills in defaults and types everything from the declaration", () => {
  const { positionals, flags } = parse();
  // These lines are a test of the types as well: they compile only if the inference is exact.
  const host: string = positionals.trackerHost;
  const port: number = positionals.trackerPort;
  const names: string[] = positionals.names;
  const out: string = flags.out;
  const publisher: string | undefined = flags.publisher;
  const force: boolean = flags.force;
  const connections: number = flags.connections;
  const ttl: number | undefined = flags.ttl;
  const also: string[] = flags.also;
  // @ts-expect-error: a flag without a default may be absent
  const _ttl: number = flags.ttl;
  assertEquals([host, port, names], ["host", 5000, []]);
  assertEquals([out, publisher, force, connections], [".", undefined, false, 8]);
  assertEquals([flags.cache, ttl, also], [256 * 1024 ** 2, undefined, []]);
});

Deno.test("parseCommand() passes over --debug, but not where it is a name", () => {
  assertEquals(parse("--debug", "a").positionals.names, ["a"]);
  assertEquals(parse("--", "--debug").positionals.names, ["--debug"]);
  assertEquals(["--debug", "--"].map((arg) => asksForDebug([arg, "--debug"])), [true, false]);
});

Deno.test("parseCommand() reads values in all spellings", () => {
  const spellings: [string[], string][] = [
    [["--out", "a b"], "a b"],
    [["--out=a=b"], "a=b"],
    [["-o", "x"], "x"],
    [["-o=x"], "x"],
    [["-jo", "x"], "x"],
    [["--out=-x"], "-x"],
    [["--out", "5000"], "5000"],
    [["--out", "true"], "true"],
    [["--out=日本"], "日本"],
    [["--out=a\nb"], "a\nb"],
    [["-o=a\nb=-"], "a\nb=-"],
  ];
  for (const [args, out] of spellings) assertEquals(parse(...args).flags.out, out, args.join(" "));

  const { flags } = parse("-c5", "--cache", "1.5GiB", "--ttl=1m30s", "--also", "a", "--also=b");
  assertEquals([flags.connections, flags.cache, flags.ttl], [5, 1.5 * 1024 ** 3, 90]);
  assertEquals(flags.also, ["a", "b"]);
});

Deno.test("positional arguments stay texts, wherever the flags stand", () => {
  assertEquals(parse("0x10", "007", "1e3", "-", "").positionals.names, [
    "0x10",
    "007",
    "1e3",
    "-",
    "",
  ]);
  assertEquals(parse("--force", "a", "--out", "b", "c").positionals.names, ["a", "c"]);
  assertEquals(parse("a", "--", "--force", "-x", "--").positionals.names, [
    "a",
    "--force",
    "-x",
    "--",
  ]);
});

Deno.test("a switch never swallows the argument behind it", () => {
  for (const spelling of ["--json", "-j", "-fj"]) {
    for (const name of ["true", "false", "x"]) {
      const { positionals, flags } = parse(spelling, name);
      assertEquals([flags.json, positionals.names], [true, [name]], `${spelling} ${name}`);
    }
  }
});

Deno.test("parseCommand() refuses a wrong command line and says how it should be", () => {
  const mistakes: [string[], string][] = [
    [["--forec"], "Cannot run get: unknown flag --forec (did you mean --force?)"],
    [["--conn=5"], "unknown flag --conn (did you mean --connections?)"],
    [["--color", "x"], "unknown flag --color (see p2pnode get --help)"],
    [["--no-json"], "unknown flag --no-json"],
    [["--out.x=1"], "unknown flag --out.x"],
    [["--__proto__=1"], "unknown flag --__proto__"],
    [["--_=1"], "unknown flag --_ "],
    [["-x"], "unknown flag -x (see"],
    [["-out"], "unknown flag"],
    [["--wrong=a\nb"], "unknown flag --wrong (see"],
    [["--wr\nong"], "unknown flag --wr\\nong (see"],
    [["--\x1b[2J"], "unknown flag --\\x1b[2J"],
    [["--out"], "--out needs a value (write --out=DIR)"],
    [["--out", "--json"], "--out needs a value"],
    [["--out", "-j"], "--out needs a value"],
    [["-o"], "--out needs a value"],
    [["--also", "a", "--also"], "--also needs a value"],
    [["--out", "a", "-o", "b"], "--out is given 2 times"],
    [["--json", "-j"], "--json is given 2 times"],
    [["--json=true"], "--json takes no value"],
    [["-j="], "-j takes no value"],
    [["--connections", "many"], '--connections must be a whole number, not "many"'],
    [["--connections", "1.5"], "must be a whole number"],
    [["--connections=-1"], "must be a whole number"],
    [["--connections", "0"], '--connections must be from 1 to 64, not "0"'],
    [["--connections", "65"], "must be from 1 to 64"],
    [["--cache", "big"], 'Cannot read size "big": expected'],
    [["--cache", "big"], "given for --cache"],
    [["--ttl", "soon"], 'Cannot read duration "soon"'],
  ];
  for (const [args, message] of mistakes) {
    const error = assertThrows(() => parse(...args), UsageError, message);
    assertInstanceOf(error, UsageError);
    assertEquals((error as UsageError).exitCode, 2);
    assert(!(error as UsageError).message.includes("\n"));
  }
});

Deno.test("parseCommand() counts the positional arguments", () => {
  const usage = "(usage: p2pnode get <tracker-host> <tracker-port> [names...] [flags])";
  assertThrows(() => parseCommand(get, []), UsageError, `<tracker-host> is missing ${usage}`);
  assertThrows(() => parseCommand(get, ["host"]), UsageError, "<tracker-port> is missing");
  assertThrows(
    () => parseCommand(get, ["host", "65536"]),
    UsageError,
    '<tracker-port> must be from 0 to 65535, not "65536"',
  );
  const two = defineCommand({
    name: "two",
    summary: "",
    positionals: { first: { doc: "" }, second: { doc: "", presence: "optional" } },
    flags: {},
    examples: [],
  });
  const second: string | undefined = parseCommand(two, ["a"]).positionals.second;
  assertEquals(second, undefined);
  assertEquals(parseCommand(two, ["a", "b"]).positionals, { first: "a", second: "b" });
  assertThrows(() => parseCommand(two, ["a", "b", "c"]), UsageError, '"c" is too much');
});

Deno.test("parseCommand() gives a result or a UsageError for any arguments", () => {
  const piece = fc.constantFrom(..."-=ofjx.\n_ 0") as fc.Arbitrary<string>;
  const word = fc.constantFrom("--out", "--json", "--cache", "--also", "-o", "-c", "true", "--");
  const arg = fc.oneof(word, fc.string({ unit: piece, maxLength: 6 }), fc.string());
  fc.assert(
    fc.property(fc.array(arg), (args) => {
      try {
        const { positionals, flags } = parse(...args);
        assert(positionals.names.every((name) => args.includes(name)));
        assert([...flags.also, flags.out].every((text) => typeof text === "string" && text !== ""));
      } catch (error) {
        assertInstanceOf(error, UsageError);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

Deno.test("asksForHelp() finds the flag anywhere but behind --", () => {
  assert(asksForHelp(["--help"]));
  assert(asksForHelp(["a", "--wrong", "-h"]));
  assert(!asksForHelp(["a", "--", "--help"]));
  assert(!asksForHelp(["help"]));
});

Deno.test("unknownCommand() suggests the command that was perhaps meant", () => {
  const known = ["tracker", "peer", "get"];
  assertEquals(
    unknownCommand("traker", known).message,
    'Cannot run "traker": unknown command (did you mean tracker?)',
  );
  assertEquals(
    unknownCommand("\x1bxyz", known).message,
    'Cannot run "\\x1bxyz": unknown command (see p2pnode help)',
  );
});
