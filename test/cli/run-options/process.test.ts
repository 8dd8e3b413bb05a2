import { writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "ava";
import { environmentOf, hostnameOf, PROCESS_OPTIONS, processOf } from "../../../cli/run-options/process.js";
import type { OptionValues } from "../../../cli/command.js";
import { readImageConfig } from "../../../core/image/read-image-config.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

type Values = OptionValues<typeof PROCESS_OPTIONS>;
const NONE = Object.fromEntries(
  Object.entries(PROCESS_OPTIONS).map(([name, option]) => [
    name,
    "array" in option ? [] : option.type === "boolean" ? false : undefined,
  ]),
) as unknown as Values;
const image = readImageConfig({
  architecture: "amd64",
  config: { Env: ["A=image", "B=image"], Labels: { a: "image", b: "image" }, StopSignal: "SIGQUIT" },
});
const bare = readImageConfig(undefined);

test("environmentOf() takes the image's, then a file's, then those of the command line", (t) => {
  const file = path.join(temporaryDirectory(t), "env");
  writeFileSync(file, '\ufeff# comment\r\n\n  A=file\nEMPTY=\nOWN\nABSENT\nQ="kept" as is \n');
  const given = { ...NONE, "env-file": [file], env: ["A=line", "OWN"] };
  t.deepEqual(environmentOf(given, image, { OWN: "mine" }), [
    "A=image",
    "B=image",
    "A=file",
    "EMPTY=",
    "OWN=mine",
    'Q="kept" as is ',
    "A=line",
    "OWN=mine",
  ]);
});

test("environmentOf() refuses files that are none", (t) => {
  const folder = temporaryDirectory(t);
  const refused = (text: string | Buffer, code: string): void => {
    writeFileSync(path.join(folder, "env"), text);
    t.like(
      t.throws(() => environmentOf({ ...NONE, "env-file": [path.join(folder, "env")] }, bare, {})),
      { code },
    );
  };
  refused("A B=1\n", "USAGE");
  refused("=1\n", "USAGE");
  refused(Buffer.from([0x41, 0x3d, 0xff]), "USAGE");
  refused("A=\0", "USAGE");
  t.like(
    t.throws(() => environmentOf({ ...NONE, "env-file": [folder] }, bare, {})),
    { code: "SOURCE_MISSING" },
  );
  t.like(
    t.throws(() => environmentOf({ ...NONE, "env-file": ["/dev/zero"] }, bare, {})),
    { code: "SOURCE_INVALID" },
    "a device has no end",
  );
});

test("processOf() takes labels, stop signal and platform of the image where options leave them open", (t) => {
  const given = { ...NONE, label: ["b=line", "c"], "stop-timeout": "3" };
  t.deepEqual(processOf(given, image), {
    labels: { a: "image", b: "line", c: "" },
    stop: { signal: os.constants.signals.SIGQUIT, seconds: 3 },
    platform: { os: "linux", architecture: "amd64" },
  });
  t.deepEqual(processOf({ ...NONE, "stop-signal": "usr1" }, image).stop, { signal: os.constants.signals.SIGUSR1 });
  t.deepEqual(processOf(NONE, bare), {});
});

test("processOf() reads hosts and name servers", (t) => {
  const given = {
    ...NONE,
    "add-host": ["db:10.0.0.7", "six:::1", "seven=[::1]"],
    dns: ["::1"],
    "dns-search": ["."],
    "dns-option": ["ndots:2"],
  };
  t.deepEqual(processOf(given, bare).names, {
    hosts: [
      { name: "db", address: "10.0.0.7" },
      { name: "six", address: "::1" },
      { name: "seven", address: "::1" },
    ],
    servers: ["::1"],
    search: ["."],
    options: ["ndots:2"],
  });
});

for (const given of [
  { label: ["=x"] },
  { label: [""] },
  { "stop-signal": "NOPE" },
  { "stop-timeout": "-1" },
  { "add-host": ["db"] },
  { "add-host": ["db:there"] },
  { "add-host": ["a b:1.2.3.4"] },
  { dns: ["ns.test"] },
  { "dns-search": ["a b"] },
  { "dns-option": ["a\nnameserver 1.2.3.4"] },
  { "group-add": [""] },
] satisfies readonly Partial<Values>[]) {
  test(`processOf() refuses ${JSON.stringify(given)}`, (t) => {
    t.like(
      t.throws(() => processOf({ ...NONE, ...given }, bare)),
      { code: "USAGE" },
    );
  });
}

test("hostnameOf() is this machine's with --uts host, where no other can be chosen", (t) => {
  t.is(hostnameOf(undefined, "box", "host"), os.hostname());
  t.like(
    t.throws(() => hostnameOf("x", "box", "host")),
    { code: "USAGE" },
  );
});
