import test from "ava";
import type { ByteString } from "../../../../core/model/byte-string.js";
import type { ContentDriver, Favor } from "../../../../core/merge/drivers/content-driver.js";
import { mergeApkInstalled, mergeDpkgStatus } from "../../../../core/merge/drivers/merge-packages.js";
import { mergeUnion } from "../../../../core/merge/drivers/merge-text.js";
import { userDatabaseDriver } from "../../../../core/merge/drivers/merge-user-database.js";

const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

interface Row {
  readonly what: string;
  readonly driver: ContentDriver;
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  readonly merged: string;
  readonly conflicts?: readonly string[];
  readonly favor?: Favor;
}

const passwd = userDatabaseDriver("passwd");
const group = userDatabaseDriver("group");
const shadow = userDatabaseDriver("shadow");
const ROOT = "root:x:0:0:root:/root:/bin/bash";
const WWW = "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin";
const NOBODY = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin";
const alice = (uid: number): string => `alice:x:${uid}:${uid}::/home/alice:/bin/sh`;
const bob = (uid: number): string => `bob:x:${uid}:${uid}::/home/bob:/bin/sh`;

const dpkg = (name: string, version: string, ...more: readonly string[]): string =>
  text(`Package: ${name}`, "Status: install ok installed", `Version: ${version}`, ...more) + "\n";
const apk = (name: string, version: string): string => text(`P:${name}`, `V:${version}`, "F:usr/bin", "R:tool") + "\n";

const ROWS: readonly Row[] = [
  {
    what: "users added at the end by both: ours first",
    driver: passwd,
    base: text(ROOT, WWW),
    ours: text(ROOT, WWW, alice(1000)),
    theirs: text(ROOT, WWW, bob(1001)),
    merged: text(ROOT, WWW, alice(1000), bob(1001)),
  },
  {
    what: "users added within, deleted and changed: each in its place",
    driver: passwd,
    base: text(ROOT, WWW, NOBODY),
    ours: text(ROOT.replace("bash", "zsh"), NOBODY),
    theirs: text(ROOT.replace(":root:", ":Superuser:"), WWW, "sshd:x:101:65534::/run/sshd:/bin/false", NOBODY),
    merged: text("root:x:0:0:Superuser:/root:/bin/zsh", "sshd:x:101:65534::/run/sshd:/bin/false", NOBODY),
  },
  {
    what: "a file whose last line lacks its end",
    driver: passwd,
    base: `${ROOT}\n${WWW}`,
    ours: `${ROOT}\n${WWW}`,
    theirs: text(ROOT, WWW, bob(1001)),
    merged: text(ROOT, WWW, bob(1001)),
  },
  {
    what: "two users with one uid",
    driver: passwd,
    base: text(ROOT),
    ours: text(ROOT, alice(1000)),
    theirs: text(ROOT, bob(1000)),
    merged: text(ROOT, "<<<<<<< HEAD", alice(1000), "=======", bob(1000), ">>>>>>> topic"),
    conflicts: ['uid 1000 is both user "alice" (ours) and user "bob" (theirs)'],
  },
  {
    what: "uids that were twice there before",
    driver: passwd,
    base: text(ROOT, "toor:x:0:0::/root:/bin/sh"),
    ours: text(ROOT, "toor:x:0:0::/root:/bin/bash"),
    theirs: text(ROOT.replace("bash", "zsh"), "toor:x:0:0::/root:/bin/sh"),
    merged: text(ROOT.replace("bash", "zsh"), "toor:x:0:0::/root:/bin/bash"),
  },
  {
    what: "one field changed by both",
    driver: passwd,
    base: text(ROOT, WWW),
    ours: text(ROOT.replace("bash", "zsh"), WWW),
    theirs: text(ROOT.replace("bash", "fish"), WWW),
    merged: text("<<<<<<< HEAD", ROOT.replace("bash", "zsh"), "=======", ROOT.replace("bash", "fish"), ">>>>>>> topic", WWW),
    conflicts: ['user "root": both sides changed shell'],
  },
  {
    what: "one field changed by both, theirs favoured",
    driver: passwd,
    base: text(ROOT, WWW),
    ours: text(ROOT.replace("bash", "zsh"), WWW),
    theirs: text(ROOT.replace("bash", "fish")),
    merged: text(ROOT.replace("bash", "fish")),
    favor: "theirs",
  },
  {
    what: "a user that one side deleted and the other changed",
    driver: passwd,
    base: text(ROOT, WWW),
    ours: text(ROOT),
    theirs: text(ROOT, WWW.replace("nologin", "sh")),
    merged: text(ROOT, "<<<<<<< HEAD", "=======", WWW.replace("nologin", "sh"), ">>>>>>> topic"),
    conflicts: ['user "www-data": deleted by ours, changed by theirs'],
  },
  {
    what: "members of a group as a set",
    driver: group,
    base: text("sudo:x:27:old,kept"),
    ours: text("sudo:x:27:kept,alice"),
    theirs: text("sudo:x:27:old,kept,bob"),
    merged: text("sudo:x:27:kept,alice,bob"),
  },
  {
    what: "passwords, without telling them",
    driver: shadow,
    base: text("root:*:1:0:99999:7:::"),
    ours: text("root:$6$secret:2:0:99999:7:::"),
    theirs: text("root:$6$other:1:0:99999:7:::"),
    merged: text("<<<<<<< HEAD", "root:$6$secret:2:0:99999:7:::", "=======", "root:$6$other:1:0:99999:7:::", ">>>>>>> topic"),
    conflicts: ['user "root": both sides changed password'],
  },
  {
    what: "packages installed, upgraded and removed",
    driver: mergeDpkgStatus,
    base: dpkg("bash", "1") + dpkg("curl", "1") + dpkg("vim", "1"),
    ours: dpkg("bash", "1") + dpkg("curl", "2") + dpkg("less", "1") + dpkg("vim", "1"),
    theirs: dpkg("apt", "1") + dpkg("bash", "1") + dpkg("curl", "1") + dpkg("git", "1"),
    merged: dpkg("apt", "1") + dpkg("bash", "1") + dpkg("curl", "2") + dpkg("less", "1") + dpkg("git", "1"),
  },
  {
    what: "a package held by one side, upgraded by the other",
    driver: mergeDpkgStatus,
    base: dpkg("curl", "1", "Depends: libc", " (>= 2)"),
    ours: dpkg("curl", "1", "Depends: libc", " (>= 2)").replace("install ok", "hold ok"),
    theirs: dpkg("curl", "2", "Depends: libc", " (>= 3)"),
    merged: dpkg("curl", "2", "Depends: libc", " (>= 3)").replace("install ok", "hold ok"),
  },
  {
    what: "one package upgraded differently",
    driver: mergeDpkgStatus,
    base: dpkg("curl", "1"),
    ours: dpkg("curl", "2"),
    theirs: dpkg("curl", "3"),
    merged: `<<<<<<< HEAD\n${dpkg("curl", "2")}=======\n${dpkg("curl", "3")}>>>>>>> topic\n`,
    conflicts: ['package "curl": 2 (ours), 3 (theirs)'],
  },
  {
    what: "one package of two architectures",
    driver: mergeDpkgStatus,
    base: "",
    ours: dpkg("libc6", "1", "Architecture: amd64", "Multi-Arch: same"),
    theirs: dpkg("libc6", "1", "Architecture: i386", "Multi-Arch: same"),
    merged:
      dpkg("libc6", "1", "Architecture: i386", "Multi-Arch: same") +
      dpkg("libc6", "1", "Architecture: amd64", "Multi-Arch: same"),
  },
  {
    what: "apk's packages",
    driver: mergeApkInstalled,
    base: apk("musl", "1") + apk("busybox", "1"),
    ours: apk("musl", "1") + apk("busybox", "1") + apk("curl", "1"),
    theirs: apk("musl", "2") + apk("busybox", "1"),
    merged: apk("musl", "2") + apk("busybox", "1") + apk("curl", "1"),
  },
  {
    what: "lines of both",
    driver: mergeUnion,
    base: text("a", "b"),
    ours: text("a", "ours", "b"),
    theirs: text("a", "theirs", "b"),
    merged: text("a", "ours", "theirs", "b"),
  },
];

for (const { what, driver, base, ours, theirs, merged, conflicts = [], favor } of ROWS) {
  test(`records are merged by name: ${what}`, async (t) => {
    const labels = { ours: "HEAD", theirs: "topic" };
    const found = await driver({
      base: base as ByteString,
      ours: ours as ByteString,
      theirs: theirs as ByteString,
      labels,
      favor,
    });
    t.is(found.content as string, merged);
    t.deepEqual(found.conflicts, conflicts);
  });
}
