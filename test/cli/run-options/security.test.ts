import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { SECURITY_OPTIONS, securityOf } from "../../../cli/run-options/security.js";
import type { OptionValues } from "../../../cli/command.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

type Values = OptionValues<typeof SECURITY_OPTIONS>;
const NONE = Object.fromEntries(
  Object.entries(SECURITY_OPTIONS).map(([name, option]) => [
    name,
    "array" in option ? [] : option.type === "boolean" ? false : undefined,
  ]),
) as unknown as Values;

const read: readonly (readonly [why: string, given: Partial<Values>, wants: object])[] = [
  ["nothing is the default", {}, {}],
  [
    "--cap-add and --cap-drop",
    { "cap-add": ["net_admin"], "cap-drop": ["all"] },
    { security: { added: ["CAP_NET_ADMIN"], dropped: ["ALL"] } },
  ],
  ["--privileged", { privileged: true }, { security: { privileged: true } }],
  ["no-new-privileges", { "security-opt": ["no-new-privileges"] }, { security: { newPrivileges: false } }],
  ["no-new-privileges=false", { "security-opt": ["no-new-privileges=false"] }, { security: { newPrivileges: true } }],
  ["docker's older colon", { "security-opt": ["no-new-privileges:true"] }, { security: { newPrivileges: false } }],
  ["seccomp=unconfined", { "security-opt": ["seccomp=unconfined"] }, { security: { seccomp: "unconfined" } }],
  ["what is so anyway", { "security-opt": ["apparmor=unconfined", "label=disable"] }, {}],
  ["--device SRC", { device: ["/dev/a"] }, { devices: [{ source: "/dev/a", destination: "/dev/a", access: "rwm" }] }],
  ["--device SRC:rw", { device: ["/dev/a:rw"] }, { devices: [{ source: "/dev/a", destination: "/dev/a", access: "rw" }] }],
  [
    "--device SRC:DST:r",
    { device: ["/dev/a:/dev/b:r"] },
    { devices: [{ source: "/dev/a", destination: "/dev/b", access: "r" }] },
  ],
  [
    "--ulimit, of which the last counts",
    { ulimit: ["nofile=1", "core=0:-1", "nofile=2:3"] },
    {
      ulimits: [
        { name: "nofile", soft: 2, hard: 3 },
        { name: "core", soft: 0, hard: -1 },
      ],
    },
  ],
  ["--sysctl", { sysctl: ["net.core.somaxconn=5=6"] }, { sysctls: { "net.core.somaxconn": "5=6" } }],
  [
    "--pid, --ipc and --uts",
    { pid: "host", ipc: "container:a", uts: "private" },
    { namespaces: { pid: "host", ipc: "container:a" } },
  ],
];

for (const [why, given, wants] of read) {
  test(`securityOf() reads ${why}`, (t) => t.deepEqual(securityOf({ ...NONE, ...given }, "none"), wants));
}

for (const given of [
  { "cap-add": ["nope"] },
  { "cap-drop": [""] },
  { "security-opt": ["foo"] },
  { "security-opt": ["no-new-privileges=maybe"] },
  { "security-opt": ["seccomp="] },
  { "security-opt": ["apparmor=mine"] },
  { device: ["dev/a"] },
  { device: ["/dev/a:/dev/b:x"] },
  { device: ["/dev/a:/dev/b:rr"] },
  { device: ["/dev/a:/dev/b:r:x"] },
  { ulimit: ["nofile"] },
  { ulimit: ["nofile=2:1"] },
  { ulimit: ["nofile=-1:5"] },
  { ulimit: ["constructor=1"] },
  { ulimit: ["nofile=-2"] },
  { sysctl: ["kernel.panic=1"] },
  { sysctl: ["net.a"] },
  { sysctl: ["kernel.sem=1"], ipc: "host" },
  { pid: "none" },
  { ipc: "container:" },
] satisfies readonly Partial<Values>[]) {
  test(`securityOf() refuses ${JSON.stringify(given)}`, (t) => {
    t.like(
      t.throws(() => securityOf({ ...NONE, ...given }, "none")),
      { code: "USAGE" },
    );
  });
}

test("securityOf() keeps a profile whole, and says what is wrong with one", (t) => {
  const folder = temporaryDirectory(t);
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return `seccomp=${path.join(folder, name)}`;
  };
  const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
  const good = { ...NONE, "security-opt": [file("good", JSON.stringify(profile))] };
  t.deepEqual(securityOf(good, "none"), { security: { seccomp: profile } });
  const bad = { ...NONE, "security-opt": [file("bad", '{"defaultAction":"allow"}')] };
  t.regex(t.throws(() => securityOf(bad, "none")).message, /bad": "defaultAction" is no action/);
  const absent = { ...NONE, "security-opt": [`seccomp=${folder}/absent`] };
  t.like(
    t.throws(() => securityOf(absent, "none")),
    { code: "SOURCE_MISSING" },
  );
});
