import test from "ava";
import { closestNames, editDistance } from "../../../core/revision/closest-names.js";

const distances: readonly (readonly [a: string, b: string, wants: number])[] = [
  ["", "", 0],
  ["", "abc", 3],
  ["main", "main", 0],
  ["main", "mian", 1],
  ["main", "mai", 1],
  ["main", "maine", 1],
  ["kitten", "sitting", 3],
];

for (const [a, b, wants] of distances) {
  test(`editDistance() of "${a}" and "${b}" is ${wants}, both ways`, (t) => {
    t.is(editDistance(a, b), wants);
    t.is(editDistance(b, a), wants);
  });
}

test("closestNames() gives the closest first, three at most, and none that is far", (t) => {
  t.deepEqual(closestNames("mian", ["dev", "main", "mai", "mine"]), ["main"]);
  t.deepEqual(closestNames("release", ["releases", "relase", "rel", "releaze", "elease"]), ["elease", "relase", "releases"]);
  t.deepEqual(closestNames("MAIN", ["main"]), ["main"]);
  t.deepEqual(closestNames("a".repeat(1000), ["a".repeat(1000)]), []);
});
