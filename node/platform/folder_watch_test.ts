import { assert, assertEquals } from "@std/assert";
import { watchPaths } from "./folder_watch.ts";

const WAIT_MS_MAX = 20_000;

/** All that is hinted at until `isEnough`, or for some seconds. */
async function hintsFor(
  change: (root: string) => void,
  isEnough: (paths: ReadonlySet<string>) => boolean,
): Promise<Set<string>> {
  const root = Deno.realPathSync(await Deno.makeTempDir({ prefix: "p2pnode-watch-" }));
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), WAIT_MS_MAX);
  const paths = new Set<string>();
  try {
    const hints = watchPaths(root, end.signal);
    assertEquals(await hints.next(), { done: false, value: [""] });
    change(root);
    for await (const hint of hints) {
      for (const path of hint) paths.add(path);
      if (isEnough(paths)) break;
    }
  } finally {
    clearTimeout(timer);
    Deno.removeSync(root, { recursive: true });
  }
  return paths;
}

Deno.test("watchPaths() hints at everything when more happens at once than is told of", async () => {
  const paths = await hintsFor((root) => {
    // Nobody takes an event meanwhile, so that most of them are dropped.
    for (let file = 0; file < 100; file++) Deno.writeTextFileSync(`${root}/${file}`, "text");
  }, (paths) => paths.has(""));
  assert(paths.has(""), `${paths.size} paths`);
});

Deno.test("watchPaths() hints at a path alone when little happens", async () => {
  const paths = await hintsFor(
    (root) => Deno.writeTextFileSync(`${root}/file`, "text"),
    (paths) => paths.has("file"),
  );
  assert(paths.has("file") && !paths.has(""), [...paths].join());
});
