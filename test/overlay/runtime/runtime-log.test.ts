import test from "ava";
import { isExecFailure, runtimeErrors, runtimeFailure } from "../../../overlay/runtime/runtime-log.js";

const line = (level: string, msg: string): string => JSON.stringify({ level, msg, time: "2026-01-01T00:00:00Z" });

test("runtimeErrors() takes errors alone and passes over what is no JSON", (t) => {
  t.deepEqual(
    runtimeErrors(
      [line("warning", "w"), "garbage {", line("error", "e"), "", line("fatal", "f"), '{"level":"error"}'].join("\n"),
    ),
    ["e", "f"],
  );
});

/** As runc 1.1, crun 1.8 and youki say it. */
const cases = [
  ['runc run failed: unable to start container process: exec: "x": executable file not found in $PATH', "COMMAND_NOT_FOUND"],
  ['runc run failed: unable to start container process: exec: "/x": stat /x: no such file or directory', "COMMAND_NOT_FOUND"],
  ["executable file `x` not found in $PATH: No such file or directory", "COMMAND_NOT_FOUND"],
  ['runc run failed: unable to start container process: exec: "/x": permission denied', "COMMAND_NOT_EXECUTABLE"],
  [
    'exec failed: unable to start container process: chdir to cwd ("/x") set in config.json failed: no such file or directory',
    "COMMAND_NOT_EXECUTABLE",
  ],
  ["open executable: Permission denied", "COMMAND_NOT_EXECUTABLE"],
  ["exec /x: exec format error", "COMMAND_NOT_EXECUTABLE"],
  ["runc run failed: unable to start container process: open /s/.pid: no space left on device", "DISK_FULL"],
  [
    'runc run failed: unable to start container process: error during container init: error mounting "proc": permission denied',
    "RUNTIME_FAILED",
  ],
  ["runc create failed: unable to create new parent process: invalid namespace path /a,b/containers/mounts/1.net", "UNSUPPORTED"],
  ["error setting rlimit type 7: operation not permitted", "RUNTIME_FAILED"],
] as const;

for (const [message, code] of cases) {
  test(`runtimeFailure() takes ${JSON.stringify(message)} as ${code}`, (t) => {
    t.is(runtimeFailure("x", ["earlier", message], "runc", ".").code, code);
  });
}

test("runtimeFailure() repeats the runtime's own words", (t) => {
  t.regex(runtimeFailure("x", ["the words"], "runc", ".").message, /runc says "the words"/);
  const runcs = "runc run failed: unable to start container process: error during container init: the words";
  t.regex(runtimeFailure("x", [runcs], "runc", ".").message, /runc says "the words"/);
  t.is(runtimeFailure("x", [], "runc", ".").code, "RUNTIME_FAILED");
});

test("isExecFailure() is about the last step alone", (t) => {
  t.true(isExecFailure(["exec /x: exec format error"]));
  t.false(isExecFailure(["error mounting /x: no such file or directory"]));
  t.false(isExecFailure([]));
});
