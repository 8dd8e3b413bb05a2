import test from "ava";
import fc from "fast-check";
import type { ByteString } from "../../../core/model/byte-string.js";
import { isBelowAny, isBelowSome, topmostPaths } from "../../../core/model/paths.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";

const path = fc
  .array(fc.constantFrom("a", "b", "a-", "ab"), { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/") as ByteString);

test("isBelowSome() and selections of many places tell what isBelowAny() tells", (t) => {
  fc.assert(
    fc.property(path, fc.uniqueArray(path, { minLength: 1, maxLength: 20 }), (each, places) => {
      const wanted = isBelowAny(each, places);
      t.is(isBelowSome(each, new Set(places)), wanted);
      t.is(selectPlaces(places).has(each), wanted);
    }),
  );
});

test("topmostPaths() are those that stand below no other, in byte order, and select the same", (t) => {
  t.deepEqual(topmostPaths(["b", "a/b", "a-", "a", "a/b/c", "c/d", "a"] as ByteString[]), [
    "a",
    "a-",
    "b",
    "c/d",
  ] as ByteString[]);
  fc.assert(
    fc.property(path, fc.uniqueArray(path, { minLength: 1, maxLength: 20 }), (each, places) => {
      const top = topmostPaths(places);
      t.is(isBelowAny(each, top), isBelowAny(each, places));
      for (const one of top)
        t.false(
          isBelowAny(
            one,
            top.filter((other) => other !== one),
          ) && top.length > 1,
        );
    }),
  );
});
