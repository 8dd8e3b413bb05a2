import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { environmentWithVarve, varve } from "../built-command.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { testIf } from "../../helpers/requirements.js";

interface Place {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** A tracked directory with a branch, a tag and names that shells treat specially. */
function place(t: ExecutionContext): Place {
  const home = temporaryDirectory(t);
  const directory = path.join(home, "tracked");
  mkdirSync(path.join(directory, "etc", "ssl"), { recursive: true });
  writeFileSync(path.join(directory, "etc", "hosts"), "");
  writeFileSync(path.join(directory, "etc", "ho st$"), "");
  const call = (...words: string[]): void => {
    t.is(varve(words, { cwd: directory, home }).status, 0);
  };
  call("init");
  call("commit", "-m", "first");
  call("branch", "next");
  call("tag", "v1");
  return { directory, environment: environmentWithVarve(home) };
}

/** What a shell offers, with the words that it would put in the last one's place. */
type Ask = (at: Place, line: string) => readonly string[];

function runShell(shell: string, words: readonly string[], { directory, environment }: Place): readonly string[] {
  const text = execFileSync(shell, words, {
    cwd: directory,
    env: { ...environment, TERM: "dumb" },
    encoding: "utf8",
    timeout: 60_000,
  });
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const bash: Ask = (at, line) =>
  runShell(
    "bash",
    [
      "--norc",
      "-c",
      `source <(varve completion bash)
       compopt() { :; }
       COMP_LINE=$1 COMP_POINT=\${#1}
       _varve && printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      line,
    ],
    at,
  );

const fish: Ask = (at, line) =>
  runShell("fish", ["--no-config", "-c", `varve completion fish | source; complete -C '${line}'`], at).map(
    (row) => row.split("\t")[0] ?? "",
  );

/** Completion of zsh works in a line editor alone: one on a terminal of its own, which is asked to list. */
const zsh: Ask = (at, line) => {
  const program = `
    zmodload zsh/zpty
    zpty shell 'zsh -f -i'
    zpty -w shell 'PS1=; PS2=; unsetopt zle_bracketed_paste; stty -echo; autoload -Uz compinit; compinit -u -D; source <(varve completion zsh)'
    zpty -w shell 'list() { compstate[list]=; zle -M ""; print -r -- "BEGIN"; print -rl -- $offered; print -r -- "END"; }'
    zpty -w shell 'compadd() { local -a given; builtin compadd -O given "$@"; print -rl -- "OFFER:"$^given; builtin compadd "$@" }'
    zpty -w shell 'bindkey "^I" complete-word; zstyle ":completion:*" list-grouped false; print READY'
    zpty -r -m shell out '*READY*'
    zpty -n -w shell $'${line.replaceAll("'", "\\'")}\\t'
    sleep 2
    zpty -n -w shell $'\\C-u'
    zpty -w shell 'print DONE'
    zpty -r -m shell out '*DONE*'
    print -r -- $out
  `;
  return runShell("zsh", ["-f", "-c", program], at)
    .filter((row) => row.includes("OFFER:"))
    .map((row) => row.slice(row.lastIndexOf("OFFER:") + "OFFER:".length));
};

for (const [shell, ask] of Object.entries({ bash, fish, zsh })) {
  testIf(shell)(`${shell} completes commands, options, names and paths in trees`, (t) => {
    const at = place(t);
    const offers = (line: string): string => [...new Set(ask(at, line))].sort().join(" ");
    t.is(offers("varve rollb"), "rollback");
    t.is(offers("varve diff --name-s"), "--name-status");
    t.is(offers("varve run -b ne"), "next");
    t.true(offers("varve log ").includes("HEAD main next v1"));
  });
}

testIf("bash")("bash: a colon parts words, and what needs quotes is quoted", (t) => {
  const at = place(t);
  t.deepEqual(bash(at, "varve ls main:/et"), ["/etc/"]);
  t.deepEqual([...bash(at, "varve cat main:/etc/ho")].sort(), ["/etc/ho\\ st\\$", "/etc/hosts"]);
  t.deepEqual(bash(at, "varve checkout main et"), ["etc"]);
  t.deepEqual(bash(at, "varve --store=/nowhere log "), []);
});

testIf("fish")("fish: paths within a tree", (t) => {
  t.deepEqual(fish(place(t), "varve ls main:/etc/ss"), ["main:/etc/ssl/"]);
});
