import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { CommitId } from "../../../core/model/ids.js";
import { nodeAt } from "../../../core/model/paths.js";
import { commitTarget } from "../../../core/operations/commit-target.js";
import { importSource } from "../../../core/operations/import-source.js";
import { openCommitTree } from "../../../core/operations/targets.js";
import type { Repository } from "../../../core/ports/repository.js";
import { branchRef } from "../../../core/revision/ref-names.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { trackedRepository } from "../../helpers/tracked-repository.js";

/** Large enough that reading it takes longer than the writers' pauses. */
const LARGE = 64 * 1024 * 1024;
/** Each write is one byte repeated, so that a mixture of two states shows. */
const WRITE_ONCE = "fs.writeFileSync(file, Buffer.alloc(size - count, 97 + (count++ % 26)));";
const HEAD = `const fs = require("node:fs"); const [file, size] = [process.argv[1], Number(process.argv[2])]; let count = 0;`;

/** Runs a program beside the test; it says so when it has begun. */
async function startWriter(t: ExecutionContext, program: string, file: string, size = LARGE): Promise<ChildProcess> {
  const script = `${HEAD} ${program}`;
  const writer = spawn(process.execPath, ["-e", script, file, String(size)], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => void writer.kill("SIGKILL"));
  await once(writer.stdout, "data");
  return writer;
}

function importOf(repository: Repository, source: string, observe?: () => void): ReturnType<typeof importSource> {
  const options = { branch: branchRef("imported"), message: "m", command: "import", observe };
  return importSource(repository, { kind: "directory", path: source }, options);
}

async function fileOf(repository: Repository, commit: CommitId, name: string): Promise<Record<string, unknown> | undefined> {
  const tree = await openCommitTree(repository, commit);
  try {
    const node = nodeAt(tree, name as ByteString);
    return node && "content" in node ? { ...node.entry, digest: String(node.content.digest()) } : undefined;
  } finally {
    tree.close();
  }
}

test("a file that changes while it is imported is imported as one state of it, with the size of that time", async (t) => {
  const { repository } = await trackedRepository(t);
  const source = temporaryDirectory(t);
  const file = path.join(source, "big");
  writeFileSync(file, Buffer.alloc(LARGE));
  await startWriter(t, `${WRITE_ONCE} console.log("ready"); setTimeout(() => { ${WRITE_ONCE} }, 20);`, file);
  const { commit } = await importOf(repository, source);
  const found = await fileOf(repository, commit.id, "big");
  // A write that has stopped half-way, for as long as the reading takes, is a state as well: whole is what mixes no two.
  const size = Number(found?.["size"]);
  const wholes = ["a", "b"].map((letter) => sha256(Buffer.alloc(size, letter)));
  t.true(wholes.includes(String(found?.["digest"])), JSON.stringify(found));
});

test("a file that never rests fails with SOURCE_CHANGED, and nothing is committed", async (t) => {
  const { repository, directory } = await trackedRepository(t);
  const source = temporaryDirectory(t);
  const file = path.join(source, "log");
  writeFileSync(file, Buffer.alloc(LARGE));
  await startWriter(t, `console.log("ready"); for (;;) fs.appendFileSync(file, "line\\n");`, file);
  const error = await t.throwsAsync(importOf(repository, source), { code: "SOURCE_CHANGED" });
  t.is((error as { path?: string }).path, file);
  t.truthy((error as { hint?: string }).hint);
  t.is(await repository.history.readRef(branchRef("imported")), undefined);
  t.deepEqual(repository.layers.list(), []);
  t.deepEqual(readdirSync(path.join(directory, ".varve", "scratch")), []);
});

test("files and directories that come and go while they are imported and committed are there or not, and stop nothing", async (t) => {
  const { repository, directory, commit } = await trackedRepository(t);
  const flicker = `
    let ready = false;
    for (;;) {
      fs.mkdirSync(file + "/d/e", { recursive: true });
      for (let n = 0; n < 40; n++) fs.writeFileSync(file + (n % 2 ? "/f" : "/d/e/f") + n, "x");
      fs.symlinkSync("target", file + "/link");
      if (!ready) { ready = true; fs.writeSync(1, "ready\\n"); }
      fs.rmSync(file + "/d", { recursive: true });
      for (const name of fs.readdirSync(file)) if (name !== "kept" && name !== ".varve") fs.rmSync(file + "/" + name);
    }`;
  for (const place of [path.join(temporaryDirectory(t), "source"), directory]) {
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, "kept"), "kept\n");
    const writer = await startWriter(t, flicker, place);
    for (let round = 0; round < 15; round++) {
      writeFileSync(path.join(place, "kept"), `kept ${round}\n`);
      const id = place === directory ? await commit("c") : (await importOf(repository, place)).commit.id;
      t.is((await fileOf(repository, id, "kept"))?.["digest"], sha256(Buffer.from(`kept ${round}\n`)));
    }
    writer.kill("SIGKILL");
    await once(writer, "close");
  }
});

test("a directory that is removed while it is read fails with SOURCE_CHANGED, and nothing of it is kept", async (t) => {
  const { repository, directory, target } = await trackedRepository(t);
  const source = path.join(temporaryDirectory(t), "source");
  fillWithFiles(source);
  const imported = importOf(repository, source, () => rmSync(source, { recursive: true, force: true }));
  const error = await t.throwsAsync(imported, { code: "SOURCE_CHANGED" });
  t.is((error as Error).message, "Cannot import the directory: the directory was removed while it was read");
  t.is(await repository.history.readRef(branchRef("imported")), undefined);

  const folder = path.join(directory, "folder");
  fillWithFiles(folder);
  const observe = (): void => rmSync(folder, { recursive: true, force: true });
  const committed = commitTarget(repository, target, { message: "m", command: "commit", observe });
  t.regex((await t.throwsAsync(committed, { code: "SOURCE_CHANGED" })).message, / entries went while it was read$/);
  t.deepEqual(repository.layers.list(), []);
  t.deepEqual(readdirSync(path.join(directory, ".varve", "scratch")), []);
});

test("a few files that go while they are read are told, and stop nothing", async (t) => {
  const { repository } = await trackedRepository(t);
  const source = temporaryDirectory(t);
  fillWithFiles(source);
  const { warnings } = await importOf(repository, source, () =>
    rmSync(path.join(source, "d99"), { recursive: true, force: true }),
  );
  t.regex(warnings.join(), /^20[01] paths went while they were read, and are not in the commit$/);
});

/** Reading them takes so long that its progress is told. */
function fillWithFiles(directory: string): void {
  for (let number = 0; number < 20_000; number += 1) {
    const folder = path.join(directory, `d${number % 100}`);
    if (number < 100) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `f${number}`), `${number}`);
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
