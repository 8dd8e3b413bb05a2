import test from "ava";
import { parseMemoryKills } from "../../../overlay/runtime/memory-kills.js";

const TEXTS: readonly (readonly [string, string, number])[] = [
  ["version 1", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2],
  ["version 1 of an old kernel", "oom_kill_disable 0\nunder_oom 1\n", 0],
  ["version 2", "low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 1\n", 3],
  ["version 2, none", "low 0\nhigh 0\nmax 31\noom 4\noom_kill 0\n", 0],
  ["a file that is gone", "", 0],
];

for (const [name, text, kills] of TEXTS) {
  test(`killed for want of memory: ${name}`, (t) => {
    t.is(parseMemoryKills(text), kills);
  });
}
