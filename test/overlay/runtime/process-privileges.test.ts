import test from "ava";
import { DEFAULT_CAPABILITIES } from "../../../core/isolation/capabilities.js";
import type { RunConfiguration } from "../../../core/ports/containers.js";
import { boundingCapabilities, requireGivable, runtimeLimits } from "../../../overlay/runtime/process-privileges.js";
import { configurationText } from "../../../overlay/runtime/configuration-text.js";
import { CONFIGURATION } from "../container-fixture.js";

const giving =
  (more: Partial<RunConfiguration>, available: readonly string[] = DEFAULT_CAPABILITIES): (() => void) =>
  () =>
    requireGivable({ ...CONFIGURATION, ...more }, available);

test("requireGivable() names the capability that this process lacks itself", (t) => {
  t.like(t.throws(giving({ security: { added: ["CAP_NET_ADMIN"] } })), { code: "UNSUPPORTED" });
  t.regex(t.throws(giving({ security: { added: ["CAP_NET_ADMIN"] } })).message, /CAP_NET_ADMIN: this process does not have it/);
  t.notThrows(giving({ security: { added: ["CAP_NET_ADMIN"] } }, [...DEFAULT_CAPABILITIES, "CAP_NET_ADMIN"]));
  t.notThrows(giving({ security: { added: ["ALL"] } }), "ALL is all that there is");
});

test("requireGivable() names the limit beyond this process's own, which CAP_SYS_RESOURCE alone lifts", (t) => {
  const ulimits = [{ name: "nofile", soft: 1, hard: 2 ** 40 }];
  t.regex(t.throws(giving({ ulimits })).message, /^Cannot set the limit nofile to 1099511627776: .* not go beyond \d+$/);
  t.regex(t.throws(giving({ ulimits: [{ name: "nofile", soft: 1, hard: -1 }] })).message, /nofile to unlimited/);
  t.notThrows(giving({ ulimits }, [...DEFAULT_CAPABILITIES, "CAP_SYS_RESOURCE"]));
  t.notThrows(giving({ ulimits: [{ name: "nofile", soft: 1, hard: 2 }] }));
});

test("boundingCapabilities() leaves out making devices where nothing filters them, but for a privileged container", (t) => {
  const machine = { available: DEFAULT_CAPABILITIES, cgroups: false };
  t.false(boundingCapabilities({}, machine).includes("CAP_MKNOD"));
  t.true(boundingCapabilities({ privileged: true }, machine).includes("CAP_MKNOD"));
});

test("configurationText() writes no limit as the kernel's RLIM_INFINITY, and texts as they are", (t) => {
  const limits = runtimeLimits([{ name: "nofile", soft: 5, hard: -1 }]);
  t.is(
    configurationText({ limits, text: 'a "0:1" b' }),
    '{"limits":[{"type":"RLIMIT_NOFILE","soft":5,"hard":18446744073709551615}],"text":"a \\"0:1\\" b"}',
  );
});
