import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";

/**
 * A network namespace with a loopback device alone: what a test does in it reaches no other machine, and neither bridges nor firewall rules nor
 * net.ipv4.ip_forward of this machine change. It stands in for the machine: commands that run in it take it for that.
 */
export interface NetworkRoom {
  /** nsenter's word for it. */
  readonly entry: string;
  /** What stands before the words of a program that is to run in it. */
  readonly words: readonly string[];
  /** Runs a program in it. */
  call(program: string, ...words: string[]): SpawnSyncReturns<string>;
  /** Calls the built command on a store in it. */
  varve(store: string, ...words: string[]): SpawnSyncReturns<string>;
  /** What stands in it: devices but the loopback one, rules that are about one network or port, name servers that run. */
  counts(): { readonly devices: number; readonly rules: number; readonly servers: number };
}

/** @param home Empty, and the run's alone. The room goes after the test. */
export function networkRoom(t: ExecutionContext, home: string): NetworkRoom {
  const holder = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep 300"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  t.teardown(() => void holder.kill("SIGKILL"));
  const room = `--net=/proc/${holder.pid}/ns/net`;
  const [nsenter, ...before] = ["nsenter", room, "--"] as const;
  const enter = (program: string, ...words: string[]): SpawnSyncReturns<string> =>
    spawnSync(nsenter, [...before, program, ...words], {
      cwd: home,
      env: environmentWithVarve(home),
      encoding: "utf8",
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
  awaitLoopback(enter);
  return {
    entry: room,
    words: [nsenter, ...before],
    call: enter,
    varve: (store, ...words) => enter(process.execPath, BUILT_COMMAND, "--store", store, ...words),
    counts: () => {
      const devices = enter("ip", "-o", "link").stdout.trim().split("\n").length - 1;
      const rules = enter("iptables-save").stdout.match(/^-A NETAVARK-(?:DN-)?[0-9A-F]{8,}|--dport/gm)?.length ?? 0;
      return { devices, rules, servers: serversIn(holder.pid!) };
    },
  };
}

const ATTEMPTS = 200;

/** Each attempt starts a program, which takes some milliseconds. @throws TypeError when it never comes up. */
function awaitLoopback(enter: NetworkRoom["call"]): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { stdout } = enter("ip", "-o", "link");
    if (/lo: <[^>]*\bUP\b/.test(stdout) && !/ eth\d/.test(stdout)) return;
  }
  throw new TypeError("the network namespace did not come up");
}

/** Those that have ended, and that nobody has waited for, are in no namespace any more. */
function serversIn(pid: number): number {
  const room = namespaceOf(String(pid));
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isServer(name) && namespaceOf(name) === room).length;
}

function isServer(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("aardvark-dns\0");
  } catch {
    return false;
  }
}

function namespaceOf(pid: string): string {
  return spawnSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" }).stdout.trim();
}
