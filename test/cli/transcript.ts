import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { environmentWithVarve } from "./built-command.js";

/** Takes over what the line before left, and leaves what the next one takes over: variables that are exported, and where it stands. */
const GO_ON = `
state=$1
if [ -f "$state" ]; then . "$state"; cd "$PWD" || exit 125; fi
eval "$2"
status=$?
export -p > "$state"
exit $status
`;

/** Where lines run, other than on this machine as it is. */
export interface Stage {
  /** What stands before the words of a program that is to run there. */
  readonly words: readonly string[];
  /** Variables besides those that all lines have. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Runs lines of a terminal's transcript. */
export class Player {
  readonly #home: string;
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #before: readonly string[];

  /** @param home Empty, and the transcript's alone. Lines run in a directory below it. */
  constructor(home: string, { words, environment }: Stage = { words: [], environment: {} }) {
    this.#home = home;
    this.#directory = path.join(home, "here");
    this.#environment = { ...environmentWithVarve(home), ...environment };
    this.#before = words;
    mkdirSync(this.#directory);
  }

  /** In a shell of its own. @returns What the line prints, stdout before stderr, and `[exit N]` when its status is not 0. */
  play(line: string): string {
    return this.#run(["-c", line]);
  }

  /** As if in the shell of the line before: `cd` and `export` last. */
  playOn(line: string): string {
    return this.#run(["-c", GO_ON, "sh", path.join(this.#home, "shell"), line]);
  }

  #run(words: readonly string[]): string {
    const options = { cwd: this.#directory, env: this.#environment, encoding: "latin1" } as const;
    const [program, ...rest] = [...this.#before, "sh", ...words];
    const { stdout, stderr, status } = spawnSync(program!, rest, options);
    const output = [stdout, stderr]
      .map(ended)
      .join("")
      .replaceAll(this.#home, "<home>")
      .replaceAll(/\/var\/lib\/varve|<home>\/.local\/share\/varve/g, "<default store>");
    return `${Buffer.from(output, "latin1").toString("utf8")}${status === 0 ? "" : `[exit ${status ?? "by signal"}]\n`}`;
  }
}

/** What ends without a line end would join the next line of the transcript. */
function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** Each id by its first place, so that a wrong one is still seen; what depends on clock and disk is blanked. */
export function normalized(text: string): string {
  const labels = new Map<string, string>();
  const label = (kind: string) => (id: string) => {
    const key = kind + id.slice(0, 10);
    if (!labels.has(key)) labels.set(key, `<${kind} ${[...labels.keys()].filter((known) => known.startsWith(kind)).length + 1}>`);
    return labels.get(key) ?? id;
  };
  return text
    .replace(/\b[0-9a-f]{64}\b/g, label("digest"))
    .replace(/\b(?:[0-9a-f]{40}|[0-9a-f]{12}|[0-9a-f]{10})\b/g, label("id"))
    .replace(/\d[\d.]* [KMG]?i?B stored/g, "<size> stored")
    .replace(/after \d+\.\d\d s$/gm, "after <time>")
    .replace(/ after \d[\d.]* m?s\)/g, " after <time>)")
    .replace(/^(<id \d+>) \d{4}-\d\d-\d\dT[\d:]+Z/gm, "$1 <time>")
    .replace(/of \d{4}-\d\d-\d\dT[\d:.]+Z/g, "of <time>");
}
