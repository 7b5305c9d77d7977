import { randomBytes } from "../../tests/files.ts";
import { cutWhole } from "../../tests/memory_cutting.ts";
import { planCopies } from "./recipe.ts";

const bytes = randomBytes(16 * 1024 * 1024, 1);
const zeros = new Uint8Array(bytes.length);
const recipe = cutWhole(bytes);
const content = { id: new Uint8Array(32), size: bytes.length, path: "base", stamp: "" };

Deno.bench("cut 16 MiB of random bytes", () => {
  cutWhole(bytes);
});

Deno.bench("cut 16 MiB of zeros", () => {
  cutWhole(zeros);
});

Deno.bench("find the pieces of 16 MiB in a base", () => {
  planCopies([{ offset: 0, recipe }], [{ content, offset: 0, recipe }]);
});
