import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const READY_TRIES = 100;

/** What a benchmark starts for itself on this machine, and ends with `stop()`. */
export class LocalServers {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #running: ChildProcess[] = [];
  #pidfile: string | undefined;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** @param isReady A line for `sh` that succeeds once the program answers. */
  start(program: string, words: readonly string[], isReady: string): void {
    this.#running.push(spawn(program, words, { stdio: "ignore", env: this.#environment }));
    for (let tries = 0; tries < READY_TRIES; tries += 1) {
      if (spawnSync("sh", ["-c", isReady], { stdio: "ignore" }).status === 0) return;
      spawnSync("sleep", ["0.2"]);
    }
    throw new TypeError(`${program} does not start`);
  }

  /**
   * A daemon of docker's below the folder, without networks of its own making.
   *
   * @param folder Its path is short: a socket's has at most 107 bytes.
   * @returns The words that call docker for it.
   */
  startDocker(folder: string): string {
    const at = (name: string): string => path.join(folder, name);
    const docker = `docker -H unix://${at("docker.sock")}`;
    this.#pidfile = at("docker.pid");
    const places = ["--data-root", at("docker"), "--exec-root", at("docker-run"), "--pidfile", this.#pidfile];
    const words = ["-H", `unix://${at("docker.sock")}`, "--iptables=false", "--bridge=none", "--storage-driver=overlay2"];
    this.start("dockerd", [...places, ...words], `${docker} info`);
    return docker;
  }

  /** Returns when docker's daemon has put away what it made, so that its folder can be removed. */
  stop(): void {
    for (const server of this.#running) server.kill("SIGTERM");
    for (let tries = 0; tries < 50 && this.#pidfile !== undefined && existsSync(this.#pidfile); tries += 1)
      spawnSync("sleep", ["0.2"]);
  }
}
