import test from "ava";
import { VarveError } from "../../core/errors.js";
import { logTimeOf } from "../../cli/log-time.js";
import { backgroundOf } from "../../cli/run-options/background.js";
import { signalOf } from "../../cli/signal-names.js";

const none = { restart: undefined, "log-opt": [] };

const policies: readonly { readonly text: string; readonly wants: object | undefined }[] = [
  { text: "no", wants: { name: "no" } },
  { text: "always", wants: { name: "always" } },
  { text: "unless-stopped", wants: { name: "unless-stopped" } },
  { text: "on-failure", wants: { name: "on-failure" } },
  { text: "on-failure:3", wants: { name: "on-failure", most: 3 } },
  ...["", "never", "always:3", "on-failure:", "on-failure:0", "on-failure:x", "on-failure:1:2"].map((text) => ({
    text,
    wants: undefined,
  })),
];

for (const { text, wants } of policies) {
  test(`--restart "${text}"`, (t) => {
    if (wants === undefined)
      t.like(
        t.throws(() => backgroundOf({ ...none, restart: text }, false)),
        { code: "USAGE" },
      );
    else t.deepEqual(backgroundOf({ ...none, restart: text }, false), { restart: wants } as never);
  });
}

test("--rm goes with no restart policy but no", (t) => {
  t.deepEqual(backgroundOf({ ...none, restart: "no" }, true), { restart: { name: "no" }, removed: true });
  t.like(
    t.throws(() => backgroundOf({ ...none, restart: "always" }, true)),
    { code: "USAGE" },
  );
});

test("--log-opt max-size=", (t) => {
  t.is(backgroundOf({ ...none, "log-opt": ["max-size=10m"] }, false).logBytes, 10 * 1024 ** 2);
  for (const option of ["", "max-size", "max-size=", "max-size=0", "max-file=3", "max-size=x"]) {
    t.true(t.throws(() => backgroundOf({ ...none, "log-opt": [option] }, false)) instanceof VarveError, option);
  }
});

for (const [text, wants] of [
  ["TERM", "SIGTERM"],
  ["sigterm", "SIGTERM"],
  ["15", "SIGTERM"],
  ["9", "SIGKILL"],
  ["USR1", "SIGUSR1"],
] as const) {
  test(`the signal ${text}`, (t) => t.is(signalOf(text), wants));
}

for (const text of ["", "0", "65", "TERMM", "SIG", "-9", "1e1"]) {
  test(`no signal is "${text}"`, (t) =>
    t.like(
      t.throws(() => signalOf(text)),
      { code: "USAGE" },
    ));
}

const NOW = Date.parse("2026-11-27T12:00:00Z");

for (const [text, wants] of [
  ["10s", "2026-11-27T11:59:50.000Z"],
  ["10m", "2026-11-27T11:50:00.000Z"],
  ["2d", "2026-11-25T12:00:00.000Z"],
  ["2026-11-27T11:00:00Z", "2026-11-27T11:00:00.000Z"],
  ["2026-11-27T11:00:00.250+01:00", "2026-11-27T10:00:00.250Z"],
  ["1795780800", "2026-11-27T12:00:00.000Z"],
] as const) {
  test(`the time ${text}`, (t) => t.is(new Date(logTimeOf("--since", text, NOW)).toISOString(), wants));
}

for (const text of ["", "soon", "10", "10y", "2026-13-01T00:00:00Z"]) {
  test(`no time is "${text}"`, (t) =>
    t.like(
      t.throws(() => logTimeOf("--since", text, NOW)),
      { code: "USAGE" },
    ));
}
