// npm's `prepare` step: builds dist/, so that `npm ci`, `npm install -g .` and `npm pack` give a command that runs.
// `npm install -g .` links this folder and installs nothing into it: then the packages come first, and npm calls this again.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(new URL("..", import.meta.url).pathname);

if (existsSync(path.join(PROJECT, "node_modules/esbuild"))) {
  await import("./build.mjs");
} else {
  // Settings of the outer npm, such as --global and --prefix, come as variables and would lead the inner one astray.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_(global|prefix|local_prefix|location)$/i.test(name)),
  );
  const { status } = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: PROJECT, env, stdio: ["ignore", 2, 2] });
  process.exitCode = status ?? 1;
}
