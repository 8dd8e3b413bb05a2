import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND } from "./built-command.js";

const KINDS = ["trees", "containers"];
/** What `--help` uses. */
const CACHE = "command-line.js.trees.cache";

interface CompiledProgram {
  readonly loadCompiled: (file: string, kind: string) => { readonly script: { readonly cachedDataRejected?: boolean } };
}

for (const kind of KINDS) {
  test(`this Node takes the compiled form that the build made for commands of ${kind}`, (t) => {
    const { loadCompiled } = createRequire(import.meta.url)(path.resolve("scripts/compiled-program.cjs")) as CompiledProgram;
    t.is(loadCompiled(path.join(path.dirname(BUILT_COMMAND), "command-line.js"), kind).script.cachedDataRejected, false);
  });
}

const damages: Readonly<Record<string, (cache: string) => void>> = {
  "is absent": (cache) => rmSync(cache),
  "is empty": (cache) => writeFileSync(cache, ""),
  "is cut off": (cache) => writeFileSync(cache, readFileSync(cache).subarray(0, 100_000)),
  "is of another text": (cache) => writeFileSync(cache, Buffer.concat([Buffer.from("// x"), readFileSync(cache).subarray(4)])),
  "holds a flipped byte at its head": (cache) => flipByte(cache, 80),
};

for (const [state, damage] of Object.entries(damages)) {
  test(`the command works when its compiled form ${state}`, (t) => {
    const folder = copyOfProgram(t);
    damage(path.join(folder, CACHE));
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(folder, "varve.js"), "--help"], {
      encoding: "utf8",
    });
    t.is(status, 0, stderr);
    t.regex(stdout, /^varve \[--store DIR\]/);
  });
}

function copyOfProgram(t: ExecutionContext): string {
  const folder = path.join(temporaryDirectory(t), "dist");
  cpSync(path.dirname(BUILT_COMMAND), folder, { recursive: true });
  return folder;
}

function flipByte(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  writeFileSync(file, bytes);
}
