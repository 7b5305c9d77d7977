import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { run, start, type StartOptions } from "./harness.ts";

/** Runs a piece of JavaScript in place of the compiled binary. */
function script(code: string): [string[], StartOptions] {
  const env = Deno.env.toObject();
  return [["eval", code], { program: Deno.execPath(), env, stdin: "piped" }];
}

const ECHO = `
  for await (const bytes of Deno.stdin.readable) await Deno.stdout.write(bytes);
  console.error("end of input");
`;

Deno.test("run() gives exit code and output", async () => {
  const code = 'console.log("a\\nb"); console.error("c"); Deno.exit(3);';
  assertEquals(await run(...script(code)), { code: 3, stdout: "a\nb", stderr: "c" });
});

Deno.test("run() gives the process no environment of its own", async () => {
  const [args, options] = script(
    'console.log(Deno.env.get("P2PNODE_HARNESS_A"), Deno.env.get("P2PNODE_HARNESS_B"));',
  );
  const { HOME = "/" } = options.env!;
  Deno.env.set("P2PNODE_HARNESS_A", "inherited");
  const env = { HOME, P2PNODE_HARNESS_B: "given" };
  assertEquals((await run(args, { ...options, env })).stdout, "undefined given");
});

Deno.test("waitForLine() finds earlier and later lines, and only new ones when asked", async () => {
  await using process = await start(...script(ECHO));
  await process.write("one 1");
  assertEquals((await process.waitForLine(/one (\d)/))[1], "1");
  assertEquals((await process.waitForLine(/one (\d)/))[1], "1");
  const from = process.lines.length;
  const second = process.waitForLine(/one (\d)/, { from });
  await process.write("zero\none 2");
  assertEquals((await second)[1], "2");
  await process.closeInput();
  assertEquals(await process.exit(), 0);
  assertEquals(process.stdout, ["one 1", "zero", "one 2"]);
  assertEquals(process.stderr, ["end of input"]);
});

Deno.test("waitForLine() says what was printed when time runs out or the process ends", async () => {
  await using process = await start(...script(`console.log("hello"); ${ECHO}`));
  await process.waitForLine(/hello/);
  const late = await assertRejects(() => process.waitForLine(/never/, { timeoutMs: 50 }), Error);
  assert(
    /50 ms went by waiting for a line like \/never\/.*\n {2}stdout \| hello/s.test(late.message),
  );
  const never = assertRejects(() => process.waitForLine(/never/), Error, "ended with exit code 0");
  await process.closeInput();
  await never;
});

Deno.test("waitForEvent() parses lines of JSON", async () => {
  const code = `console.log('text\\n{"event":"progress","percent":1}');
    console.log('{"event":"progress","percent":50}\\n{"event":"done","bytes":7}');`;
  await using process = await start(...script(code));
  assertEquals((await process.waitForEvent("done"))["bytes"], 7);
  const half = { fits: (event: Record<string, unknown>) => event["percent"] === 50 };
  assertEquals(await process.waitForEvent("progress", half), { event: "progress", percent: 50 });
  assertEquals(process.events.length, 3);
  await assertRejects(() => process.waitForEvent("failed"), Error, "ended with exit code 0");
});

Deno.test("listeningPort() reads the line of a server", async () => {
  await using process = await start(...script('console.log("listening on [::1]:4711");'));
  assertEquals(await process.listeningPort(), 4711);
});

Deno.test("exit() tells the signal, and has a deadline", async () => {
  await using process = await start(...script(ECHO));
  await assertRejects(() => process.exit({ timeoutMs: 20 }), Error, "waiting for its end");
  process.signal("SIGTERM");
  assertEquals(await process.exit(), 128 + 15);
  process.signal("SIGTERM");
});

Deno.test("a process ends with its scope", async () => {
  let pid: number;
  {
    await using process = await start(...script(ECHO));
    pid = process.pid;
    await process.write("ready");
    await process.waitForLine(/ready/);
  }
  assertThrows(() => Deno.kill(pid, "SIGCONT"));
});
