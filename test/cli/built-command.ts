import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";

/** The command as people get it: scripts/build.mjs made it. */
export const BUILT_COMMAND: string = path.resolve("dist/varve.js");

const MAKE_SMALL_ROOT = `#!/bin/sh
exec node --input-type=module -e "
  import { makeSmallRoot, addSite } from '${path.resolve("scripts/demo/small-root.mjs")}';
  makeSmallRoot(process.argv[1]);
  addSite(process.argv[1]);
" "$1"
`;

/** An environment in which `varve` is the built command. @param home Empty, and the run's alone. */
export function environmentWithVarve(home: string): NodeJS.ProcessEnv {
  const programs = path.join(home, "programs");
  mkdirSync(programs, { recursive: true });
  if (!existsSync(path.join(programs, "varve"))) {
    symlinkSync(BUILT_COMMAND, path.join(programs, "varve"));
    writeFileSync(path.join(programs, "make-small-root"), MAKE_SMALL_ROOT, { mode: 0o755 });
  }
  const environment = hermeticEnvironment(home);
  return { ...environment, PATH: `${programs}:${environment["PATH"] ?? ""}` };
}

export interface CallOptions {
  readonly cwd: string;
  /** Empty, and the run's alone; by default below `cwd`. */
  readonly home: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  /** It is killed after so long: a command that hangs must not hang the tests. */
  readonly seconds?: number;
}

/** Calls the built command. */
export function varve(
  words: readonly string[],
  { cwd, home, environment, input = "", seconds }: CallOptions,
): SpawnSyncReturns<string> {
  const env = { ...environmentWithVarve(home), ...environment };
  return spawnSync(process.execPath, [BUILT_COMMAND, ...words], {
    cwd,
    env,
    input,
    encoding: "utf8",
    ...(seconds !== undefined && { timeout: seconds * 1000, killSignal: "SIGKILL" as const }),
    maxBuffer: 64 * 1024 * 1024,
  });
}
