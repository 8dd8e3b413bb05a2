import { testIf } from "../helpers/requirements.js";
import { killAtEachMove } from "./kill-at-each-move.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3 4; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first
  echo "theirs 1" > etc/f1; echo new > etc/new; rm etc/f4; varve -q commit -m theirs; varve -q tag theirs; varve -q rollback HEAD~1
  echo "ours 3" > etc/f3; varve -q commit -m one; echo "ours 5" > etc/f5; varve -q commit -m two; echo mine > mine; echo edited > etc/f2`;

for (const { what, words, prepare = ":", calls, least } of [
  { what: "a rebase", words: ["rebase", "theirs"], least: { kills: 3, finished: 3 } },
  // It moves one ref: nothing is left half-way.
  { what: "a squash", words: ["squash", "-n", "2"], least: { kills: 5, finished: 0 } },
  {
    what: "a renamed branch",
    words: ["branch", "-m", "main", "renamed"],
    // Refs go by unlink(2); so do locks and marks, when all is done.
    calls: ["rename", "unlink"],
    least: { kills: 5, finished: 3 },
  },
  {
    what: "a forget-path of several refs",
    words: ["forget-path", "etc/f3", "--all"],
    prepare: "varve -q branch beside; varve -q tag beside-tag",
    least: { kills: 10, finished: 1 },
  },
  {
    what: "a forget-path",
    words: ["forget-path", "etc/f3", "--all"],
    prepare: "varve -q tag -d theirs",
    least: { kills: 10, finished: 0 },
  },
]) {
  testIf("strace")(`${what} killed at any move is brought to its end, or was none; undone all is back`, (t) => {
    const { kills, finished } = killAtEachMove(t, { make: `${MAKE}; ${prepare}`, words, status: 0, ...(calls && { calls }) });
    t.log(`killed ${kills} times, finished ${finished} times`);
    t.true(kills >= least.kills && finished >= least.finished);
  });
}
