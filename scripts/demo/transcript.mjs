// A shell session told aloud: each line is printed, then run, then checked. Whatever happens, it is cleaned up at the end.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";

const isTerminal = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const bold = (text) => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
const dim = (text) => (isTerminal ? `\x1b[2m${text}\x1b[0m` : text);

/** A step that did not do what the story says. */
class DemoFailure extends Error {}
/** A signal asked for the end. */
class Interrupted extends Error {}

export class Transcript {
  /** @param {string} command The built `varve`, which the session's lines find under that name. */
  constructor(command) {
    this.folder = mkdtempSync(path.join(tmpdir(), "varve-demo-"));
    this.directory = this.folder;
    this.environment = sessionEnvironment(this.folder, command);
    this.child = undefined;
    this.signal = undefined;
    this.isCleaningUp = false;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => this.#interrupt(name));
    // A reader that has seen enough, such as `head`, closes the pipe.
    process.stdout.on("error", () => this.#interrupt("SIGPIPE"));
  }

  heading(text) {
    process.stdout.write(`\n${bold(`== ${text}`)}\n`);
  }

  /** A remark to the reader, as a shell comment. */
  say(text) {
    process.stdout.write(
      `\n${wrap(text)
        .map((line) => `${dim(`# ${line}`)}\n`)
        .join("")}`,
    );
  }

  /**
   * Prints a line and runs it by `sh`, its output passed on.
   *
   * @param {string} line
   * @param {{ status?: number, says?: (string | RegExp)[], hides?: (string | RegExp)[] }} [wanted] The exit status, 0 unless told, and
   *   what the output must and must not hold.
   * @returns {Promise<string>} What it printed on stdout.
   */
  async run(line, { status = 0, says = [], hides = [] } = {}) {
    process.stdout.write(`${bold(`$ ${line}`)}\n`);
    const result = await this.#spawn(line, true);
    if (this.signal) throw new Interrupted();
    if (result.status !== status) this.fail(`it ended with status ${result.status}, where ${status} is right`);
    for (const text of says) if (!matches(result.output, text)) this.fail(`its output lacks ${text}`);
    for (const text of hides) if (matches(result.output, text)) this.fail(`its output has ${text}`);
    return result.stdout;
  }

  /** Runs a line without a word, for checks. */
  async ask(line) {
    const result = await this.#spawn(line, false);
    if (this.signal) throw new Interrupted();
    return result;
  }

  async askJson(line) {
    const { stdout, status, output } = await this.ask(line);
    try {
      return { status, value: JSON.parse(stdout) };
    } catch {
      return this.fail(`\`${line}\` gave no JSON: ${output}`);
    }
  }

  /** What the story claims must be true. */
  check(claim, isTrue) {
    if (!isTrue) this.fail(`this is not so: ${claim}`);
    process.stdout.write(`${dim(`# checked: ${claim}`)}\n`);
  }

  enter(directory) {
    process.stdout.write(`${bold(`$ cd ${directory}`)}\n`);
    this.directory = path.resolve(this.directory, directory);
  }

  set(name, value) {
    process.stdout.write(value === undefined ? `${bold(`$ unset ${name}`)}\n` : `${bold(`$ export ${name}=${value}`)}\n`);
    if (value === undefined) delete this.environment[name];
    else this.environment[name] = value;
  }

  fail(text) {
    throw new DemoFailure(text);
  }

  /** Tells the story, cleans up, and sets the exit status. */
  async tell(story, cleanUp) {
    try {
      await story();
    } catch (error) {
      if (error instanceof DemoFailure) process.stderr.write(`\ndemo: FAILED: ${error.message}\n`);
      else if (!(error instanceof Interrupted)) process.stderr.write(`\ndemo: FAILED: ${error.stack}\n`);
      process.exitCode = error instanceof Interrupted ? 128 + constants.signals[this.signal] : 1;
    }
    this.signal = undefined;
    this.isCleaningUp = true;
    this.directory = this.folder;
    await cleanUp().catch((error) => process.stderr.write(`demo: clean-up: ${error.message}\n`));
    this.#removeFolder();
  }

  /** A mount left behind would keep the folder; `varve` leaves none, so one is a failure, and is taken away all the same. */
  #removeFolder() {
    for (const mount of mountsBelow(this.folder).reverse()) {
      process.stderr.write(`demo: FAILED: a mount was left at ${mount}\n`);
      process.exitCode ||= 1;
      spawnSync("umount", ["--lazy", mount]);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(line, isShown) {
    return new Promise((resolve, reject) => {
      const child = spawn("sh", ["-c", line], {
        cwd: this.directory,
        env: this.environment,
        stdio: ["ignore", "pipe", "pipe"],
      });
      this.child = child;
      let stdout = "";
      let output = "";
      const take = (stream, target) =>
        stream.setEncoding("utf8").on("data", (text) => {
          output += text;
          if (stream === child.stdout) stdout += text;
          if (isShown) target.write(text);
        });
      take(child.stdout, process.stdout);
      take(child.stderr, process.stderr);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        this.child = undefined;
        resolve({ stdout, output, status: code ?? 128 + (constants.signals[signal] ?? 0) });
      });
    });
  }

  /** At a terminal the kernel tells the child as well; from `kill` it hears of it by us. Twice does no harm. */
  #interrupt(name) {
    if (this.signal || this.isCleaningUp) return;
    this.signal = name;
    process.stderr.write(`\ndemo: ${name}: cleaning up\n`);
    this.child?.kill(name === "SIGPIPE" ? "SIGTERM" : name);
  }
}

/** Nothing of this machine's own git or varve set-up plays a part, and nothing is written outside the folder. */
function sessionEnvironment(folder, command) {
  const bin = path.join(folder, "bin");
  mkdirSync(bin);
  symlinkSync(command, path.join(bin, "varve"));
  return {
    PATH: `${bin}:${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
    HOME: folder,
    LC_ALL: "C.UTF-8",
    TERM: process.env.TERM ?? "dumb",
    NO_COLOR: "1",
    GIT_AUTHOR_NAME: "Demo",
    GIT_AUTHOR_EMAIL: "demo@varve.invalid",
  };
}

function mountsBelow(folder) {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((place) => place.startsWith(`${folder}/`));
}

function matches(output, text) {
  return typeof text === "string" ? output.includes(text) : text.test(output);
}

function wrap(text, width = 100) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.length - 1;
    if (lines[last] !== "" && lines[last].length + word.length + 1 > width) lines.push(word);
    else lines[last] += lines[last] === "" ? word : ` ${word}`;
  }
  return lines;
}
