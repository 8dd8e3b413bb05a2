import os from "node:os";
import path from "node:path";
import type { Signature } from "../../core/model/commit.js";
import { userOutside } from "../../core/user-outside.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { commitTime } from "../clock.js";
import { parseGitConfig } from "./git-config.js";
import { safePersonPart } from "./safe-text.js";

const LARGEST_CONFIG_BYTES = 2 ** 20;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Who does what is done now, as git finds it out.
 *
 * @param role `author` or `committer`: whose GIT_…_NAME and GIT_…_EMAIL count.
 * @param git The store's repository, whose own configuration goes first.
 */
export function identity(role: "author" | "committer", git: string, environment: Environment = process.env): Signature {
  const part = (key: "name" | "email"): string => {
    const variable = environment[`GIT_${role.toUpperCase()}_${key.toUpperCase()}`];
    return (
      safePersonPart(variable ?? "") || safePersonPart(configured(`user.${key}`, git, environment) ?? "") || systemUser()[key]
    );
  };
  return { name: part("name"), email: part("email"), ...commitTime() };
}

function configured(key: string, git: string, environment: Environment): string | undefined {
  for (const file of configFiles(git, environment)) {
    const value = parseGitConfig(readOrNothing(file)).get(key);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** From the nearest to the farthest. @see git-config(1), "FILES". */
function configFiles(git: string, environment: Environment): string[] {
  const home = environment["HOME"] ?? os.homedir();
  const xdg = environment["XDG_CONFIG_HOME"] || path.join(home, ".config");
  const ofUser = environment["GIT_CONFIG_GLOBAL"];
  const users = ofUser === undefined ? [path.join(home, ".gitconfig"), path.join(xdg, "git", "config")] : [ofUser];
  const system = environment["GIT_CONFIG_NOSYSTEM"] ? [] : [environment["GIT_CONFIG_SYSTEM"] ?? "/etc/gitconfig"];
  return [path.join(git, "config"), ...users, ...system];
}

/** Another program's files: that one can't be read must not stop a commit. */
function readOrNothing(file: string): string {
  try {
    return readRegularFile(file, { largest: LARGEST_CONFIG_BYTES, follow: true }).toString("utf8");
  } catch {
    return "";
  }
}

function systemUser(): { name: string; email: string } {
  const name = safePersonPart(userName()) || "unknown";
  return { name, email: `${name}@${safePersonPart(os.hostname()) || "localhost"}` };
}

/** A user id without an entry in passwd has no name. */
function userName(): string {
  try {
    return userOutside(process.env) ?? os.userInfo().username;
  } catch {
    return `user-${process.getuid?.() ?? 0}`;
  }
}
