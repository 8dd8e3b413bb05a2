import path from "node:path";
import type { RefName } from "../../core/model/ids.js";
import { BRANCHES, isRefName, parseRefName, shortName } from "../../core/revision/ref-names.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { syncDirectory } from "../durable-file.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { parseGitConfig } from "./git-config.js";
import { lockFile } from "./ref-lock.js";

const LARGEST_CONFIG_BYTES = 2 ** 20;
const REMOTES = "refs/remotes/";
/** What a branch of the same repository has as its remote. */
const HERE = ".";
const OURS = /^\s*(?:remote|merge)\s*(?:=|$)/i;

/**
 * The branch that a branch follows, by `branch.<name>.remote` and `branch.<name>.merge`. Of a remote's branch it is taken that the remote is fetched
 * to where git puts it by default.
 * @see git-config(1), "branch.<name>.merge".
 */
export function readUpstream(git: string, branch: RefName): RefName | undefined {
  const settings = parseGitConfig(readConfig(git));
  const section = `branch.${shortName(branch)}`;
  const remote = settings.get(`${section}.remote`);
  const merge = settings.get(`${section}.merge`);
  if (remote === undefined || merge === undefined || !isRefName(merge)) return undefined;
  if (remote === HERE) return merge as RefName;
  const fetched = `${REMOTES}${remote}/${shortName(merge as RefName)}`;
  return isRefName(fetched) ? (fetched as RefName) : undefined;
}

/** Durable when it resolves. @throws VarveError STORE_LOCKED when a git command is writing the file. */
export async function writeUpstream(layout: StoreLayout, branch: RefName, upstream: RefName | undefined): Promise<void> {
  parseRefName(branch);
  const file = path.join(layout.git, "config");
  const text = readConfig(layout.git);
  const changed = withUpstream(text, shortName(branch), upstream);
  if (changed === text) return;
  try {
    const lock = await lockFile(layout, file, changed);
    try {
      lock.replace();
      syncDirectory(layout.git);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw systemFailure("write the git configuration", error, file);
  }
}

/** The text with the two settings of a branch replaced; all else stays as it is, comments too. */
export function withUpstream(text: string, branch: string, upstream: RefName | undefined): string {
  const header = `[branch "${branch.replace(/[\\"]/g, "\\$&")}"]`;
  const settings = upstream === undefined ? [] : linesOf(upstream);
  const kept: string[] = [];
  let within = false;
  let put = false;
  for (const line of text.split("\n")) {
    const isHeader = /^\s*\[/.test(line);
    if (isHeader) within = line.trim() === header;
    if (within && !isHeader && OURS.test(line)) continue;
    kept.push(line);
    if (!isHeader || !within || put) continue;
    kept.push(...settings);
    put = true;
  }
  const whole = put ? kept : [...withoutLastEmpty(kept), ...(settings.length === 0 ? [] : [header, ...settings]), ""];
  return withoutEmptySection(whole, header).join("\n");
}

function linesOf(upstream: RefName): readonly string[] {
  const [, remote, rest] = upstream.startsWith(REMOTES) ? (/^refs\/remotes\/([^/]+)\/(.+)$/.exec(upstream) ?? []) : [];
  const merge = rest === undefined ? upstream : `${BRANCHES}${rest}`;
  return [`\tremote = ${remote ?? HERE}`, `\tmerge = ${merge}`];
}

function withoutLastEmpty(lines: readonly string[]): readonly string[] {
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function withoutEmptySection(lines: readonly string[], header: string): readonly string[] {
  return lines.filter((line, at) => {
    if (line.trim() !== header) return true;
    const next = lines.slice(at + 1).find((each) => each.trim() !== "");
    return next !== undefined && !/^\s*\[/.test(next);
  });
}

function readConfig(git: string): string {
  const file = path.join(git, "config");
  try {
    return readRegularFile(file, { largest: LARGEST_CONFIG_BYTES, follow: true }).toString("utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw systemFailure("read the git configuration", error, file);
  }
}
