import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, closeSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import type { NetworkRoom } from "./network-room.js";

/** A docker of the test's own: its images and containers are nobody else's, it makes no network and no rule of a firewall. */
export interface LocalDocker {
  /** @returns What the command prints. It has to succeed. */
  docker(...words: string[]): string;
  /** Where it listens, as $DOCKER_HOST has it. */
  readonly address: string;
}

const READY_MILLISECONDS = 30_000;

function daemonWords(folder: string): string[] {
  const at = (name: string): string => path.join(folder, name);
  return [
    ...["--iptables=false", "--ip6tables=false", "--bridge=none"],
    ...["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid"), "--host", addressIn(folder)],
  ];
}

/** Starts Debian's dockerd, which ends with the test. @param room Where it is to find registries. */
export async function startDocker(t: ExecutionContext, room?: NetworkRoom): Promise<LocalDocker> {
  // Short: a socket's path has at most 107 bytes.
  const folder = mkdtempSync(path.join(tmpdir(), "varve-docker-"));
  const logFile = path.join(folder, "log");
  const log = openSync(logFile, "w");
  const [program, ...words] = [...(room?.words ?? []), "dockerd", ...daemonWords(folder)];
  const daemon = spawn(program!, words, { stdio: ["ignore", log, log], env: environment(folder) });
  closeSync(log);
  const ended = once(daemon, "close");
  t.teardown(async () => {
    daemon.kill("SIGTERM");
    await Promise.race([ended, sleep(20_000)]);
    daemon.kill("SIGKILL");
    spawnSync("rm", ["-rf", "--one-file-system", "--", folder]);
  });
  const call = (...words: readonly string[]): ReturnType<typeof spawnSync> =>
    spawnSync("docker", words, { env: environment(folder), encoding: "utf8", timeout: 120_000, maxBuffer: 1 << 28 });
  const patience = performance.now() + READY_MILLISECONDS;
  while (call("version").status !== 0) {
    if (daemon.exitCode !== null || performance.now() > patience)
      throw new RangeError(`dockerd does not start: ${readFileSync(logFile, "utf8").slice(-2000)}`);
    await sleep(100);
  }
  return {
    address: addressIn(folder),
    docker: (...words) => {
      const { status, stdout, stderr } = call(...words);
      t.is(status, 0, `docker ${words.join(" ")}: ${String(stderr)}`);
      return String(stdout).trim();
    },
  };
}

function environment(folder: string): NodeJS.ProcessEnv {
  return {
    PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
    HOME: folder,
    DOCKER_HOST: addressIn(folder),
  };
}

const addressIn = (folder: string): string => `unix://${path.join(folder, "socket")}`;

const TRY = `
dockerd "$@" >"$HOME/log" 2>&1 &
daemon=$!
tries=0
until docker version >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 150 ] && kill -0 $daemon 2>/dev/null || { kill $daemon 2>/dev/null; exit 1; }
  sleep 0.1
done
kill $daemon
wait $daemon
exit 0
`;

/** @returns Why a daemon does not start here; `undefined` when it does. It is tried, since it may lack many things. */
export function whyNoDocker(): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), "varve-docker-"));
  const { status } = spawnSync("sh", ["-c", TRY, "sh", ...daemonWords(folder)], { env: environment(folder), stdio: "ignore" });
  spawnSync("rm", ["-rf", "--one-file-system", "--", folder]);
  return status === 0 ? undefined : "needs a machine on which dockerd starts";
}
