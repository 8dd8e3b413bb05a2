import { linkSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { replaceCache, replaceFile, writeNewFile } from "../../store/durable-file.js";
import { systemFailure } from "../../store/system-failure.js";
import { temporaryDirectory } from "../helpers/temporary-store.js";

test("replaceFile() puts a new inode in place, so that an old reader keeps the old bytes", (t) => {
  const directory = temporaryDirectory(t);
  const [file, other] = [path.join(directory, "file"), path.join(directory, "other")];
  writeFileSync(file, "old");
  linkSync(file, other);
  replaceFile(file, Buffer.from("new"), path.join(directory, "scratch"));
  t.is(readFileSync(file, "utf8"), "new");
  t.is(readFileSync(other, "utf8"), "old");
  t.deepEqual(readdirSync(directory), ["file", "other"]);
});

for (const replace of [replaceFile, replaceCache])
  test(`${replace.name}() that fails leaves nothing behind`, (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(path.join(directory, "file/below"), { recursive: true });
    t.throws(() => replace(path.join(directory, "file"), Buffer.from("new"), path.join(directory, "scratch")));
    t.deepEqual(readdirSync(directory), ["file"]);
  });

test("writeNewFile() never writes into a file that stands", (t) => {
  const file = path.join(temporaryDirectory(t), "file");
  writeFileSync(file, "mine");
  t.throws(() => writeNewFile(file, Buffer.from("yours")), { code: "EEXIST" });
  t.is(readFileSync(file, "utf8"), "mine");
});

const failures = [
  ["EACCES", "PERMISSION", "permission denied"],
  ["EPERM", "PERMISSION", "operation not permitted"],
  ["EROFS", "PERMISSION", "read-only file system"],
  ["ENOSPC", "DISK_FULL", "no space left on the device"],
  ["EDQUOT", "DISK_FULL", "disk quota exceeded"],
  ["EIO", "IO", "the device reported an error"],
  ["EXDEV", "IO", "EXDEV"],
] as const;

for (const [errno, code, state] of failures) {
  test(`systemFailure() of ${errno} is ${code}`, (t) => {
    const failure = systemFailure("write it", Object.assign(new RangeError(), { code: errno, path: "/x" }));
    t.like(failure, { code, message: `Cannot write it: ${state}`, path: "/x" });
  });
}

test("systemFailure() of what the system did not say is that", (t) => {
  const error = new RangeError("ours");
  t.is(systemFailure("write it", error), error);
});
