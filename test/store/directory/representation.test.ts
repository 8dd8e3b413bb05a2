import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { FileEntry } from "../../../core/model/entry.js";
import { Representation } from "../../../store/directory/representation.js";

const MANY = [
  { inside: 0, outside: 1000, count: 1 },
  { inside: 1, outside: 100_000, count: 65_536 },
];
const ONE = MANY.slice(0, 1);
const PATH = "a/b" as ByteString;

function file(changes: Partial<FileEntry> = {}, ...xattrs: readonly string[]): FileEntry {
  const named = xattrs.map((name) => ({ name: name as ByteString, value: Buffer.from("v") }));
  return { type: "file", size: 1, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1, mtimeNanoseconds: 0, ...changes, xattrs: named };
}

const namesOf = ({ xattrs }: FileEntry): readonly string[] => xattrs.map(({ name }) => name);

test("represented() keeps owners that have an id, up to the last", (t) => {
  const entry = file({ uid: 65_536, gid: 33 });
  t.is(new Representation(MANY, MANY).represented(entry, PATH), entry);
});

test("represented() refuses an owner beyond the last id, and says which file would give it", (t) => {
  const of = new Representation(MANY, MANY);
  t.throws(() => of.represented(file({ uid: 65_537 }), PATH), {
    code: "UNSUPPORTED",
    message: /"\/a\/b": it belongs to user 65537/,
  });
  t.throws(() => of.represented(file({ gid: 65_537 }), PATH), { code: "UNSUPPORTED", message: /belongs to group 65537/ });
});

test("represented() with one id gives all to that one, and takes off what names others", (t) => {
  const entry = file({ uid: 33, gid: 50 }, "security.capability", "system.posix_acl_access", "user.note");
  const found = new Representation(ONE, ONE).represented(entry, PATH);
  t.like(found, { uid: 0, gid: 0 });
  t.deepEqual(namesOf(found), ["security.capability", "user.note"]);
});

test("represented() takes off xattrs that are the machine's, or would steer overlayfs", (t) => {
  const entry = file({}, "security.selinux", "trusted.note", "user.note", "user.overlay.opaque");
  t.deepEqual(namesOf(new Representation(MANY, MANY).represented(entry, PATH)), ["user.note"]);
});

test("restored() brings back what a file could not have, and nothing else", (t) => {
  const former = file({ uid: 33, gid: 50, mode: 0o755 }, "trusted.note", "user.gone");
  const now = file({ mode: 0o600, uid: 7 }, "user.new");
  const many = new Representation(MANY, MANY).restored(now, former);
  t.like(many, { uid: 7, gid: 0, mode: 0o600 });
  t.deepEqual(namesOf(many), ["trusted.note", "user.new"]);
  t.like(new Representation(ONE, ONE).restored(now, former), { uid: 33, gid: 50, mode: 0o600 });
});

test("restored() of what lost nothing is the entry itself", (t) => {
  const entry = file();
  t.is(new Representation(MANY, MANY).restored(entry, file({}, "user.note")), entry);
});
