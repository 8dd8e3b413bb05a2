import test from "ava";
import type { LooseObject } from "../../../store/git/loose-objects.js";
import { requireReadable } from "../../../store/git/history-objects.js";

const LARGE = Buffer.alloc(2 ** 23);

const objectsOf = (count: number, object: LooseObject): ReadonlyMap<string, LooseObject> =>
  new Map(Array.from({ length: count }, (_, at) => [String(at).padStart(40, "0"), object]));

for (const [what, objects, message] of [
  ["a commit of more than a megabyte", objectsOf(1, { kind: "commit", body: LARGE }), /its commit "0{40}" has 8388608 bytes/],
  ["more than 128 MiB of git objects", objectsOf(17, { kind: "blob", body: LARGE }), /142606336 bytes without their layers/],
  ["more than 400,000 git objects", objectsOf(400_001, { kind: "blob", body: Buffer.alloc(0) }), /400001 git objects/],
] as const)
  test(`requireReadable() of ${what} throws UNSUPPORTED`, (t) => {
    t.throws(() => requireReadable(objects), { code: "UNSUPPORTED", message });
  });

test("requireReadable() takes 128 MiB of git objects", (t) => {
  t.notThrows(() => requireReadable(objectsOf(16, { kind: "blob", body: LARGE })));
});
