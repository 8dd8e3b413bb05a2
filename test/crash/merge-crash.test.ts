import { testIf } from "../helpers/requirements.js";
import { killAtEachMove } from "./kill-at-each-move.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3 4; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first
  echo "theirs 1" > etc/f1; echo "theirs 2" > etc/f2; echo new > etc/new; rm etc/f4; varve -q commit -m theirs; varve -q branch topic; varve -q rollback HEAD~1
  echo "ours 3" > etc/f3; varve -q commit -m ours; varve -q tag ours
  echo "ours 1" > etc/f1; varve -q commit -m conflicting`;

for (const [what, prepare, status] of [
  ["a merge", "varve -q rollback ours", 0],
  ["a merge with conflicts", ":", 1],
] as const) {
  testIf("strace")(`${what} killed at any move is brought to its end, or was none; undone all is back`, (t) => {
    const { finished } = killAtEachMove(t, { make: `${MAKE}; ${prepare}`, words: ["merge", "topic"], status });
    t.true(finished >= 5, `${finished} finished`);
  });
}
