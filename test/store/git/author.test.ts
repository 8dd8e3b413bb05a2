import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { identity } from "../../../store/git/author.js";
import { temporaryDirectory } from "../../helpers/temporary-store.js";

process.env["SOURCE_DATE_EPOCH"] = "86400";

interface Home {
  readonly git: string;
  readonly environment: Record<string, string>;
  write(file: string, name: string, email: string): void;
}

function home(t: ExecutionContext): Home {
  const directory = temporaryDirectory(t);
  const git = path.join(directory, "git");
  execFileSync("git", ["init", "-q", "--bare", git]);
  return {
    git,
    environment: { PATH: process.env["PATH"] ?? "", HOME: directory, GIT_CONFIG_NOSYSTEM: "1" },
    write: (file, name, email) => {
      mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
      writeFileSync(path.join(directory, file), `[user]\nname = ${name}\nemail = ${email}\n`, { flag: "a" });
    },
  };
}

function names({ git, environment }: Home, role: "author" | "committer" = "author"): string {
  const { name, email } = identity(role, git, environment);
  return `${name} <${email}>`;
}

function gitNames({ git, environment }: Home, role: "AUTHOR" | "COMMITTER" = "AUTHOR"): string {
  const text = execFileSync("git", ["var", `GIT_${role}_IDENT`], { cwd: git, env: environment, encoding: "utf8" });
  return text.replace(/ \d+ [+-]\d+\n$/, "");
}

test("identity() is what git says, wherever it is configured", (t) => {
  const subject = home(t);
  for (const [file, name] of [
    [".config/git/config", "Xdg"],
    [".gitconfig", "Home"],
    ["git/config", "Store"],
  ] as const) {
    subject.write(file, name, `${name}@example.org`);
    t.is(names(subject), `${name} <${name}@example.org>`);
    t.is(names(subject), gitNames(subject));
  }
});

test("identity() takes the variables of its role first", (t) => {
  const subject = home(t);
  subject.write(".gitconfig", "Home", "home@example.org");
  Object.assign(subject.environment, { GIT_AUTHOR_NAME: "Ada <x>", GIT_COMMITTER_EMAIL: "bob@example.org" });
  t.is(names(subject), "Ada x <home@example.org>");
  t.is(names(subject), gitNames(subject));
  t.is(names(subject, "committer"), gitNames(subject, "COMMITTER"));
});

test("identity() takes XDG_CONFIG_HOME and GIT_CONFIG_GLOBAL as git does", (t) => {
  const subject = home(t);
  subject.write("xdg/git/config", "Xdg", "x@example.org");
  subject.environment["XDG_CONFIG_HOME"] = path.join(path.dirname(subject.git), "xdg");
  t.is(names(subject), gitNames(subject));
  subject.write("global", "Global", "g@example.org");
  subject.environment["GIT_CONFIG_GLOBAL"] = path.join(path.dirname(subject.git), "global");
  t.is(names(subject), "Global <g@example.org>");
  t.is(names(subject), gitNames(subject));
});

test("identity() without any configuration is the system's user at its host", (t) => {
  const user = os.userInfo().username;
  t.is(names(home(t)), `${user} <${user}@${os.hostname()}>`);
});

test("identity() has the time that SOURCE_DATE_EPOCH sets", (t) => {
  const { git, environment } = home(t);
  t.like(identity("author", git, environment), { seconds: 86_400, offsetMinutes: 0 });
});

test("identity() is not stopped by a configuration that is a directory", (t) => {
  const subject = home(t);
  mkdirSync(path.join(subject.environment["HOME"] ?? "", ".gitconfig"));
  t.notThrows(() => names(subject));
});
