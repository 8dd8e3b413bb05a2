import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { openVolumes } from "../../../overlay/volumes/named-volumes.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

test("create() makes a volume once, and gives it again as it is", (t) => {
  const folder = path.join(temporaryDirectory(t), "volumes");
  const volumes = openVolumes(folder);
  t.deepEqual(volumes.list(), []);
  const made = volumes.create("data", { labels: { a: "b" } });
  writeFileSync(path.join(made.path, "file"), "x");
  t.deepEqual(volumes.create("data", { labels: { a: "other" }, anonymous: true }), made);
  t.deepEqual(volumes.find("data"), made);
  t.is(readFileSync(path.join(made.path, "file"), "utf8"), "x");
  t.deepEqual(readdirSync(folder), ["data"]);
});

test("remove() takes a volume with all that is in it, and none is no failure", (t) => {
  const folder = path.join(temporaryDirectory(t), "volumes");
  const volumes = openVolumes(folder);
  mkdirSync(path.join(volumes.create("data").path, "deep/er"), { recursive: true });
  volumes.create("other");
  volumes.remove("data");
  volumes.remove("data");
  t.deepEqual(
    volumes.list().map(({ name }) => name),
    ["other"],
  );
  t.deepEqual(readdirSync(folder), ["other"]);
});

test("create() clears what a killed command left half-made", (t) => {
  const folder = path.join(temporaryDirectory(t), "volumes");
  const gone = 4_194_305;
  mkdirSync(path.join(folder, `.new-data-${gone}`, "data"), { recursive: true });
  openVolumes(folder).create("data");
  t.deepEqual(readdirSync(folder), ["data"]);
});

for (const name of ["", "a", ".", "..", "a/b", "../x", ".new-x", "-f", "a\0b", "a".repeat(300)]) {
  test(`a volume can't be called ${JSON.stringify(name.slice(0, 20))}`, (t) => {
    const volumes = openVolumes(path.join(temporaryDirectory(t), "volumes"));
    t.like(
      t.throws(() => volumes.create(name)),
      { code: "BAD_NAME" },
    );
    t.like(
      t.throws(() => volumes.find(name)),
      { code: "TARGET_UNKNOWN" },
    );
    t.notThrows(() => volumes.remove(name));
  });
}

for (const [why, text] of [
  ["half a record", '{"created":'],
  ["a list", "[]"],
  ["labels of numbers", '{"created":"x","labels":{"a":1}}'],
] as const) {
  test(`a volume with ${why} is damaged`, (t) => {
    const folder = path.join(temporaryDirectory(t), "volumes");
    const volumes = openVolumes(folder);
    volumes.create("data");
    writeFileSync(path.join(folder, "data/volume.json"), text);
    t.like(
      t.throws(() => volumes.find("data")),
      { code: "STORE_DAMAGED" },
    );
  });
}

test("a record that is a symlink is not followed", (t) => {
  const folder = path.join(temporaryDirectory(t), "volumes");
  mkdirSync(path.join(folder, "data"), { recursive: true });
  symlinkSync("/etc/passwd", path.join(folder, "data/volume.json"));
  t.like(
    t.throws(() => openVolumes(folder).find("data")),
    { code: "STORE_DAMAGED" },
  );
});
