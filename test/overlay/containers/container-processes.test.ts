import test from "ava";
import { parseProcess } from "../../../overlay/containers/container-processes.js";

const STATUS = "Name:\tsh\nUid:\t1000\t0\t0\t0\n";
const AFTER_NAME = "S 12 34 34 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 100 2000000 200";

const CASES = [
  ["a command with its words", "(sh)", "sh\0-c\0sleep 1\0", ["sh", "-c", "sleep 1"]],
  ["a name with brackets and spaces", "(a) S 1 (b)", "x\0", ["x"]],
  ["one that tells no words", "(kworker/0:1)", "", ["kworker/0:1"]],
  ["an empty word within", "(sh)", "sh\0\0a\0", ["sh", "", "a"]],
] as const;

for (const [name, comm, cmdline, command] of CASES) {
  test(`process: ${name}`, (t) => {
    const process = parseProcess(56, { stat: `56 ${comm} ${AFTER_NAME}\n`, status: STATUS, cmdline });
    t.deepEqual(process, { pid: 56, parent: 12, uid: 1000, cpuMilliseconds: 120, command });
  });
}
