import test from "ava";
import { seccompFileOf } from "../../../core/isolation/seccomp-rules.js";
import { profileOfFile } from "../../../overlay/runtime/seccomp-file.js";

const names = (file: unknown, machine: Partial<Parameters<typeof profileOfFile>[1]> = {}): readonly string[] =>
  profileOfFile(seccompFileOf(file), { architecture: "x64", capabilities: [], kernel: "6.1.0-x", ...machine }).syscalls.flatMap(
    (rule) => rule.names,
  );
const rule = (name: string, more: object = {}): object => ({ names: [name], action: "SCMP_ACT_ALLOW", ...more });
const file = (...syscalls: readonly object[]): object => ({ defaultAction: "SCMP_ACT_ERRNO", syscalls });

test("profileOfFile() takes the rules whose conditions hold", (t) => {
  const rules = file(
    rule("always"),
    rule("admin", { includes: { caps: ["CAP_SYS_ADMIN"] } }),
    rule("no-admin", { excludes: { caps: ["CAP_SYS_ADMIN"] } }),
    rule("amd64", { includes: { arches: ["arm64", "amd64"] } }),
    rule("no-amd64", { excludes: { arches: ["amd64"] } }),
    rule("from-4.8", { includes: { minKernel: "4.8" } }),
    rule("from-6.12", { includes: { minKernel: "6.12" } }),
  );
  t.deepEqual(names(rules), ["always", "no-admin", "amd64", "from-4.8"]);
  t.deepEqual(names(rules, { capabilities: ["CAP_SYS_ADMIN"], architecture: "arm64", kernel: "6.12.1" }), [
    "always",
    "admin",
    "amd64",
    "no-amd64",
    "from-4.8",
    "from-6.12",
  ]);
});

test("profileOfFile() takes this processor's names of the map", (t) => {
  const archMap = [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ];
  const { architectures } = profileOfFile(seccompFileOf({ ...file(), archMap }), { architecture: "arm64", capabilities: [] });
  t.deepEqual(architectures, ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
});

test("seccompFileOf() reads older files, and Go's null for nothing", (t) => {
  t.deepEqual(
    names({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: null,
      syscalls: [{ name: "old", action: "SCMP_ACT_ERRNO", args: null }],
    }),
    ["old"],
  );
});

for (const [why, json] of [
  ["null", null],
  ["a list", []],
  ["no default", { syscalls: [] }],
  ["an action that asks another process", { defaultAction: "SCMP_ACT_NOTIFY" }],
  ["rules that are no list", { defaultAction: "SCMP_ACT_ALLOW", syscalls: {} }],
  ["names of numbers", file({ names: [1], action: "SCMP_ACT_ALLOW" })],
  ["a negative argument", file(rule("x", { args: [{ index: -1, value: 0, op: "SCMP_CMP_EQ" }] }))],
  ["a listener", { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" }],
] as const) {
  test(`seccompFileOf() refuses ${why}`, (t) => {
    t.throws(() => seccompFileOf(json), { instanceOf: TypeError });
  });
}
