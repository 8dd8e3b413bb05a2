import test from "ava";
import { RUN_OPTIONS, runConfiguration } from "../../cli/run-options.js";
import type { OptionValues } from "../../cli/command.js";
import { VarveError } from "../../core/errors.js";

type Options = OptionValues<typeof RUN_OPTIONS>;
/** As the command line has it when none is given. */
const NONE = Object.fromEntries(
  Object.entries(RUN_OPTIONS).map(([name, option]) => [
    name,
    "array" in option ? [] : option.type === "boolean" ? false : undefined,
  ]),
) as unknown as Options;
const process = { name: "web", command: ["sh"], environment: {} };

for (const place of ["/", "//", "/.", "/..", "/a/.."]) {
  test(`a volume on "${place}" is refused: it would hide the tree, and the runtime would write into the source`, (t) => {
    const error = t.throws(() => runConfiguration({ ...NONE, volume: [`/tmp:${place}`] }, process), { instanceOf: VarveError });
    t.is(error?.code, "USAGE");
    t.regex(error?.message ?? "", /--volume/);
  });
}

test("a name that is no host name is left to those who know what a container's name is", (t) => {
  t.is(runConfiguration(NONE, { ...process, name: "-rf" }).hostname, "-rf");
  t.is(runConfiguration(NONE, { ...process, name: "a".repeat(70) }).hostname.length, 64);
});

test("--hostname has to be one", (t) => {
  const error = t.throws(() => runConfiguration({ ...NONE, hostname: "a b" }, process), { instanceOf: VarveError });
  t.regex(error?.message ?? "", /host name/);
});

test("--user is root's when it is not given, and refused when it is empty", (t) => {
  t.is(runConfiguration(NONE, process).user, "");
  const error = t.throws(() => runConfiguration({ ...NONE, user: "" }, process), { instanceOf: VarveError });
  t.is(error?.code, "USAGE");
  t.regex(error?.message ?? "", /--user/);
});
