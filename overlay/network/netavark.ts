import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { outsidePrivateMounts } from "../../linux/namespaces.js";
import { findExecutable } from "../rootfs/executable-search.js";
import type { StoredAttachment } from "./stored-attachment.js";

/** Where distributions put it: it is no command that people type. */
const FOLDERS = ["/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman"];
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** It waits for others that change the firewall. */
const TIMEOUT_MILLISECONDS = 60_000;

/** The programs that networks need, absolute. */
export interface NetworkTools {
  readonly netavark: string;
  /** Answers the names of a network's containers. */
  readonly aardvark: string | undefined;
}

/** @throws VarveError RUNTIME_MISSING, with the package that is missing. */
export function requireNetworkTools(network: { readonly dns: boolean }): NetworkTools {
  const netavark = findTool("netavark");
  if (netavark === undefined) throw missing("netavark", "netavark");
  if (findExecutable("iptables") === undefined) throw missing("iptables", "iptables, by which netavark publishes ports,");
  const aardvark = findTool("aardvark-dns");
  if (network.dns && aardvark === undefined) throw missing("aardvark-dns", "aardvark-dns, by which containers find each other,");
  return { netavark, aardvark };
}

/** @returns Its absolute path; `undefined` when this machine has none. */
export function findTool(name: "netavark" | "aardvark-dns"): string | undefined {
  return findExecutable(name, [...FOLDERS, process.env["PATH"] ?? ""].join(":"));
}

/** What each program answers. @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED. */
export function networkToolVersions(): string {
  const { netavark, aardvark } = requireNetworkTools({ dns: true });
  return [netavark, aardvark!].map((program) => `${versionOf(program)}, ${program}`).join("; ");
}

function versionOf(program: string): string {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8", cwd: "/" });
  if (status === 0) return stdout.split("\n")[0] ?? "";
  throw new VarveError("RUNTIME_FAILED", `Cannot tie a container to a network: ${path.basename(program)} does not start`, {
    path: program,
    hint: `Install the package "${path.basename(program)}" anew.`,
  });
}

function missing(name: string, what: string): VarveError {
  return new VarveError("RUNTIME_MISSING", `Cannot tie a container to a network: ${what} is not installed`, {
    hint: `Install the package "${name}", or use --network none or --network host.`,
  });
}

/**
 * Has netavark make, or take down, what a container has on a network. The name server that it may start lives on: so it must not stand in our mount
 * namespace, whose mounts it would keep.
 *
 * @param state Its own folder, absolute.
 * @param namespace A path of the container's network namespace that is valid in every mount namespace.
 * @throws VarveError RUNTIME_FAILED.
 */
export function runNetavark(
  action: "setup" | "teardown",
  tools: NetworkTools,
  { attachment, state, namespace }: { readonly attachment: StoredAttachment; readonly state: string; readonly namespace: string },
): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  forgetDeadServer(state);
  const server = tools.aardvark === undefined ? [] : ["--aardvark-binary", tools.aardvark];
  const { status, stdout, stderr, error } = outsidePrivateMounts(() =>
    spawnSync(tools.netavark, ["--config", state, ...server, action, namespace], {
      input: JSON.stringify(netavarkConfiguration(attachment)),
      encoding: "utf8",
      env: { PATH: SYSTEM_PATH },
      cwd: "/",
      timeout: TIMEOUT_MILLISECONDS,
      killSignal: "SIGKILL",
    }),
  );
  if (status === 0) return;
  const says = error?.message ?? answerOf(stdout) ?? stderr.trim();
  const what = action === "setup" ? "tie the container to" : "take the container off";
  throw new VarveError("RUNTIME_FAILED", `Cannot ${what} network "${attachment.network.name}": netavark says: ${says}`, {
    path: tools.netavark,
  });
}

/** It tells errors as JSON on its output. */
function answerOf(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === "string" ? error.replaceAll(/\s+/g, " ") : undefined;
  } catch {
    return undefined;
  }
}

/** netavark sends a signal to the number that stands there: not one that another process has by now. */
function forgetDeadServer(state: string): void {
  const file = path.join(state, "aardvark-dns/aardvark.pid");
  if (!existsSync(file)) return;
  const pid = readFileSync(file, "latin1").trim();
  if (!commandLine(pid).includes("aardvark-dns")) rmSync(file, { force: true });
}

function commandLine(pid: string): string {
  if (!/^[1-9]\d{0,9}$/.test(pid)) return "";
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}

/** netavark's "network options", as podman writes them. */
export function netavarkConfiguration(attachment: StoredAttachment): Record<string, unknown> {
  const { id, name, network, address, aliases, hardwareAddress, ports } = attachment;
  return {
    container_id: id,
    container_name: name,
    port_mappings: ports.map(({ hostAddress, hostPort, containerPort, protocol }) => ({
      host_ip: hostAddress,
      host_port: hostPort,
      container_port: containerPort,
      range: 1,
      protocol,
    })),
    networks: {
      [network.name]: {
        interface_name: "eth0",
        static_ips: [address],
        aliases: [id, ...aliases],
        ...(hardwareAddress === undefined ? {} : { static_mac: hardwareAddress }),
      },
    },
    network_info: {
      [network.name]: {
        name: network.name,
        id: network.id,
        driver: "bridge",
        network_interface: network.interfaceName,
        subnets: [{ subnet: network.subnet, gateway: network.gateway }],
        ipv6_enabled: false,
        internal: network.internal,
        dns_enabled: network.dns,
        ipam_options: { driver: "host-local" },
        created: network.created,
        options: {},
      },
    },
  };
}

/** netavark's folder for this boot and network namespace; those of earlier boots go. @param networks `<store>/networks`. */
export function netavarkState(networks: string, { boot, namespace }: StoredAttachment["machine"]): string {
  const own = `state-${boot}`;
  for (const name of existsSync(networks) ? readdirSync(networks) : [])
    if (name.startsWith("state-") && name !== own) rmSync(path.join(networks, name), { recursive: true, force: true });
  return path.join(networks, own, String(namespace));
}
