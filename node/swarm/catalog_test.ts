import { assertEquals } from "@std/assert";
import { Bitfield } from "../../protocol/bitfield.ts";
import type { Manifest } from "../content/manifest.ts";
import { Catalog, fileKey } from "./catalog.ts";

function manifestOf(name: string): Manifest {
  const id = new Uint8Array(32).fill(7);
  const publisher = new Uint8Array(32);
  const signatures = new Uint8Array(64);
  return { id, name, size: 10, blockSize: 16384, publisher, hashes: id, signatures };
}

const key = fileKey(manifestOf("any"));

/** A catalog, and what its observers are told. */
function observed(): { catalog: Catalog; events: string[] } {
  const catalog = new Catalog();
  const events: string[] = [];
  catalog.observe({
    added: ({ names }) => events.push(`added ${[...names.keys()]}`),
    removed: ({ names }) => events.push(`removed ${[...names.keys()]}`),
    named: (_file, name) => events.push(`named ${name}`),
    unnamed: (_file, name) => events.push(`unnamed ${name}`),
    gained: (_file, index) => events.push(`gained ${index}`),
    completed: ({ names }) => events.push(`completed ${[...names.keys()]}`),
  });
  return { catalog, events };
}

Deno.test("addFile() and dropName() keep one content with all its names", () => {
  const { catalog, events } = observed();
  catalog.addFile(manifestOf("a"), "a", "1");
  catalog.addFile(manifestOf("b"), "b", "2");
  assertEquals(catalog.count, 1);
  assertEquals(catalog.find("b").length, 1);
  catalog.dropName(key, "a");
  assertEquals(catalog.get(key)!.location, { kind: "file", name: "b", stamp: "2" });
  catalog.dropName(key, "not a name of it");
  catalog.dropName(key, "b");
  assertEquals(events, ["added a", "named b", "unnamed a", "removed b"]);
});

Deno.test("addFile() of a known name takes note of its new stamp", () => {
  const { catalog, events } = observed();
  catalog.addFile(manifestOf("a"), "a", "1");
  catalog.addFile(manifestOf("a"), "a", "2");
  assertEquals(catalog.get(key)!.location, { kind: "file", name: "a", stamp: "2" });
  assertEquals(events, ["added a"]);
});

Deno.test("a content that turns up in the folder while it is fetched has both names in the end", () => {
  const { catalog, events } = observed();
  const part = catalog.addPart(manifestOf("wanted"), Bitfield.none(1));
  assertEquals(catalog.addFile(manifestOf("found"), "found", "1"), part);
  catalog.gain(part, 0);
  catalog.complete(part, "wanted", "2");
  assertEquals(catalog.get(key)!.location, { kind: "file", name: "wanted", stamp: "2" });
  assertEquals([...part.names], [["wanted", "2"], ["found", "1"]]);
  assertEquals(events, ["added wanted", "gained 0", "completed wanted", "named found"]);
});

Deno.test("abandonPart() keeps what the folder has under another name", () => {
  const { catalog } = observed();
  catalog.addPart(manifestOf("wanted"), Bitfield.none(1));
  catalog.addFile(manifestOf("found"), "found", "1");
  catalog.abandonPart(key);
  assertEquals(catalog.get(key)!.location, { kind: "file", name: "found", stamp: "1" });
  assertEquals(catalog.get(key)!.have.complete, true);
  catalog.abandonPart(key);
  assertEquals(catalog.count, 1);
});

Deno.test("abandonPart() forgets a content that is nowhere else", () => {
  const { catalog, events } = observed();
  catalog.addPart(manifestOf("wanted"), Bitfield.none(1));
  catalog.abandonPart(key);
  assertEquals(catalog.count, 0);
  assertEquals(events, ["added wanted", "removed wanted"]);
});

Deno.test("gain() tells of each block once", () => {
  const { catalog, events } = observed();
  const part = catalog.addPart(manifestOf("wanted"), Bitfield.none(1));
  catalog.gain(part, 0);
  catalog.gain(part, 0);
  assertEquals(events, ["added wanted", "gained 0"]);
});
