import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CommitId, LayerId, RefName } from "../../core/model/ids.js";
import type { ContainerRecord, ContainerStatus, ProcessResult, RunConfiguration } from "../../core/ports/containers.js";
import { asUser, giveTo } from "../helpers/ordinary-user.js";
import type { DriverRequest } from "./container-driver.js";
import { testedUser } from "./tested-user.js";
import { makeImage, makeSmallRoot } from "./small-root.js";

export const DRIVER: string = fileURLToPath(new URL("./container-driver.js", import.meta.url));

export const CONFIGURATION: RunConfiguration = {
  command: ["/bin/true"],
  environment: [],
  workingDirectory: "/",
  user: "",
  hostname: "box",
  network: "none",
  terminal: false,
  interactive: false,
  readOnly: false,
  volumes: [],
  limits: {},
};

export interface Outcome<T = ProcessResult> {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly result: T | undefined;
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string } | undefined;
}

/** Another directory than the fixture's own is a copy of it. */
type FixtureRequest = Omit<DriverRequest, "directory" | "images"> & Partial<Pick<DriverRequest, "directory">>;

/** A folder with a root image and containers of it, driven by processes of their own. */
export class ContainerFixture {
  readonly folder: string = mkdtempSync(path.join(os.tmpdir(), "varve-containers-"));
  readonly directory: string = path.join(this.folder, "containers");
  readonly image: string = path.join(this.folder, "root.erofs");

  readonly #prepare: string;

  readonly #user = testedUser();

  /** @param prepare Shell commands for a mount namespace in which each driver then runs, such as other cgroups. */
  constructor(prepare = "") {
    this.#prepare = prepare;
    makeSmallRoot(path.join(this.folder, "root"));
    makeImage(path.join(this.folder, "root"), this.image);
    if (this.#user !== undefined) giveTo(this.#user, this.folder);
  }

  /** What root has made, for who runs the containers. */
  give(...paths: readonly string[]): void {
    if (this.#user !== undefined) giveTo(this.#user, ...paths);
  }

  /** Also ends what a failed test left running. */
  dispose(): void {
    for (const { state, record } of this.act<readonly ContainerStatus[]>({ action: "list" }).result ?? []) {
      if (state !== "created" && state !== "stopped") this.act({ action: "stop", name: record.name });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  create(name: string, configuration: Partial<RunConfiguration> = {}): ContainerRecord {
    const record = containerRecord(name, configuration);
    const { status, error, stderr } = this.act({ action: "create", record });
    if (status !== 0) throw new TypeError(error?.message ?? stderr);
    return record;
  }

  /** Creates and runs. */
  run(name: string, configuration: Partial<RunConfiguration>, input = ""): Outcome {
    this.create(name, configuration);
    return this.start(name, input);
  }

  start(name: string, input = ""): Outcome {
    return this.act<ProcessResult>({ action: "run", name }, input);
  }

  act<T>(request: FixtureRequest, input = "", timeout = 60_000): Outcome<T> {
    const { status, stdout, stderr, output } = spawnSync(...this.#driver(request), {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      timeout,
      killSignal: "SIGKILL",
    });
    if (!output[3]) throw new TypeError(`The driver failed: ${stderr}`);
    const { result, error } = JSON.parse(output[3]) as Pick<Outcome<T>, "result" | "error">;
    return { status, stdout, stderr, result, error };
  }

  /** Starts without waiting. */
  begin(request: FixtureRequest, options: SpawnOptions = {}): ChildProcess {
    return spawn(...this.#driver(request), { stdio: ["ignore", "pipe", "pipe", "pipe"], ...options });
  }

  /** The driver's program and words, for who starts it in another way. */
  command(request: FixtureRequest): readonly string[] {
    const call = [process.execPath, ...this.arguments(request)];
    return this.#user === undefined ? call : [...asUser(this.#user), ...call];
  }

  #driver(request: FixtureRequest): [program: string, words: string[]] {
    const [program, ...words] = this.command(request);
    if (this.#prepare === "") return [program!, words];
    const script = `${this.#prepare} && exec "$0" "$@"`;
    return ["unshare", ["--mount", "sh", "-c", script, program!, ...words]];
  }

  arguments(request: FixtureRequest): string[] {
    const images = [{ id: "0".repeat(64) as LayerId, path: this.image, devices: [] }];
    // As the store unpacks it: files of root inside.
    const unpacked = this.#user === undefined ? {} : { unpacked: [path.join(this.folder, "root")] };
    return [DRIVER, JSON.stringify({ directory: this.directory, images, ...unpacked, ...request })];
  }

  status(name: string): ContainerStatus | undefined {
    return this.act<ContainerStatus>({ action: "find", name }).result;
  }

  upper({ id }: ContainerRecord, generation = 1): string {
    return path.join(this.directory, id, `upper.${generation}`);
  }

  /** What a container left in the machine outside of its directory's lasting files. */
  leftovers({ id }: ContainerRecord): readonly string[] {
    const own = readdirSync(path.join(this.directory, id)).filter((name) =>
      ["pid", "runtime", "runtime.log", "paused.json"].includes(name),
    );
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").includes(this.folder) ? ["a mount"] : [];
    return [...own, ...mounts, ...cgroupsOf(id), ...processesOn(id)];
  }
}

export function containerRecord(name: string, configuration: Partial<RunConfiguration> = {}): ContainerRecord {
  return {
    id: createHash("sha1").update(`${name} ${process.pid}`).digest("hex").slice(0, 12),
    name,
    branch: `refs/heads/${name}` as RefName,
    base: "0".repeat(40) as CommitId,
    layers: ["0".repeat(64) as LayerId],
    created: new Date().toISOString(),
    configuration: { ...CONFIGURATION, ...configuration },
  };
}

export function cgroupsOf(id: string): readonly string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("cgroup"));
  return mounts
    .map((line) => `${line.split(" ")[1]}/varve`)
    .flatMap((folder) =>
      names(folder)
        .filter((name) => name === id)
        .map((name) => `${folder}/${name}`),
    );
}

/** Processes whose root is this container's overlay. */
export function processesOn(id: string): readonly string[] {
  return names("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/mountinfo`, "utf8")
        .split("\n")
        .some((line) => line.includes(` / / `) && line.includes(`upperdir=${id}/`));
    } catch {
      return false;
    }
  });
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** @throws TypeError when it does not become true within ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new TypeError(`waited in vain until ${what}`);
    await pause(20);
  }
}

/** Resolves with a child's exit status, or the signal's name. */
export function ended(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const status = child.exitCode ?? child.signalCode;
  if (status !== null) return Promise.resolve(status);
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal!)));
}
