import path from "node:path";
import test from "ava";
import { mountsOf } from "../../../cli/run-options/mounts.js";

const NONE = { volume: [], mount: [], tmpfs: [], "shm-size": undefined };
const bind = { source: "/tmp", destination: "/d", readOnly: false };
const named = { source: "data", named: true, destination: "/d", readOnly: false };

const volumes: readonly (readonly [text: string, wants: object])[] = [
  ["/tmp:/d", bind],
  ["/tmp:/d:ro", { ...bind, readOnly: true }],
  ["/tmp:/d:ro,rslave", { ...bind, readOnly: true, propagation: "rslave" }],
  ["/tmp:/d:z", bind],
  ["/tmp/../tmp:/x/../d", bind],
  [".:/d", { ...bind, source: path.resolve(".") }],
  ["data:/d", named],
  ["data:/d:ro,nocopy", { ...named, readOnly: true, noCopy: true }],
];

for (const [text, wants] of volumes) {
  test(`--volume ${text} is read as docker does`, (t) =>
    t.deepEqual(mountsOf({ ...NONE, volume: [text] }).volumes, [wants] as never));
}

const mounts: readonly (readonly [text: string, wants: object])[] = [
  ["type=bind,src=/tmp,dst=/d", bind],
  ["type=bind,source=/tmp,target=/d,readonly", { ...bind, readOnly: true }],
  ["type=bind,source=/tmp,destination=/d,ro=true,bind-propagation=slave", { ...bind, readOnly: true, propagation: "slave" }],
  ["type=bind,src=/tmp,dst=/d,bind-recursive=disabled", { ...bind, shallow: true }],
  ["type=bind,src=/tmp,dst=/d,readonly=false", bind],
  ["type=volume,src=data,dst=/d,volume-nocopy", { ...named, noCopy: true }],
  ["src=data,dst=/d", named],
  ['type=bind,src=/tmp,"dst=/a,b"', { ...bind, destination: "/a,b" }],
];

for (const [text, wants] of mounts) {
  test(`--mount ${text} is read as docker does`, (t) =>
    t.deepEqual(mountsOf({ ...NONE, mount: [text] }).volumes, [wants] as never));
}

test("--tmpfs and --mount type=tmpfs take options of tmpfs", (t) => {
  const given = {
    ...NONE,
    tmpfs: ["/a", "/b:size=64m,mode=1777,exec"],
    mount: ["type=tmpfs,dst=/c,tmpfs-size=1m,tmpfs-mode=700"],
  };
  t.deepEqual(
    [...(mountsOf(given).tmpfs ?? [])].sort((x, y) => (x.destination < y.destination ? -1 : 1)),
    [
      { destination: "/a", options: [] },
      { destination: "/b", options: ["size=64m", "mode=1777", "exec"] },
      { destination: "/c", options: ["size=1048576", "mode=700"] },
    ],
  );
});

const refused: readonly (readonly [option: "volume" | "mount" | "tmpfs", text: string, says: RegExp])[] = [
  ["volume", "a:/d", /no name of a volume/],
  ["volume", "-x:/d", /no name of a volume/],
  ["volume", "data:d", /no absolute path/],
  ["volume", "data:/", /below the container's "\/"/],
  ["volume", "data", /wanted SRC:DST/],
  ["volume", "data:/d:", /wanted SRC:DST/],
  ["volume", "data:/d:ro:x", /wanted SRC:DST/],
  ["volume", "data:/d:foo", /"foo" is none of/],
  ["volume", "data:/d:constructor", /"constructor" is none of/],
  ["volume", "/tmp:/d:rshared", /namespace of their own/],
  ["volume", "/tmp:/d:nocopy", /nocopy is for volumes/],
  ["volume", "data:/d:rslave", /propagation is for paths/],
  ["mount", "type=nfs,src=x,dst=/d", /"nfs" is none of/],
  ["mount", "type=bind,dst=/d", /source is missing/],
  ["mount", "type=bind,src=/tmp", /no absolute path/],
  ["mount", "type=bind,src=/tmp,dst=/d,foo=1", /"foo" is no field/],
  ["mount", "type=bind,src=/tmp,dst=/d,readonly=maybe", /neither true nor false/],
  ["mount", "type=bind,src,dst=/d", /needs a value/],
  ["mount", "type=bind,,src=/tmp,dst=/d", /single commas/],
  ["mount", "type=bind,src=/tmp,dst=/d,bind-propagation=ro", /no propagation/],
  ["mount", "type=tmpfs,dst=/d,tmpfs-mode=999", /no mode/],
  ["mount", "type=tmpfs,dst=/d,src=x", /"src" is no field/],
  ["tmpfs", "/d:upperdir=/x", /no option of a tmpfs/],
  ["tmpfs", "/d:size=", /no option of a tmpfs/],
  ["tmpfs", "/", /below the container's "\/"/],
];

for (const [option, text, says] of refused) {
  test(`--${option} ${text} is refused`, (t) => {
    const error = t.throws(() => mountsOf({ ...NONE, [option]: [text] }));
    t.like(error, { code: "USAGE" });
    t.regex(error.message, says);
  });
}

test("a bind source that is missing is refused", (t) => {
  t.like(
    t.throws(() => mountsOf({ ...NONE, volume: ["/nope:/d"] })),
    { code: "SOURCE_MISSING" },
  );
  t.like(
    t.throws(() => mountsOf({ ...NONE, mount: ["type=bind,src=/nope,dst=/d"] })),
    { code: "SOURCE_MISSING" },
  );
});

test("one place is mounted on once, whatever option says so", (t) => {
  t.regex(t.throws(() => mountsOf({ ...NONE, volume: ["data:/d"], tmpfs: ["/x/../d"] })).message, /"\/d": two of/);
});
