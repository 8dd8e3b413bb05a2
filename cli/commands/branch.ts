import { VarveError } from "../../core/errors.js";
import { ancestorsOf, Descendants } from "../../core/history/reaching.js";
import type { Ref } from "../../core/model/commit.js";
import { renameBranch, setUpstream } from "../../core/operations/branches.js";
import type { Repository } from "../../core/ports/repository.js";
import { branchRef, BRANCHES, isRefName } from "../../core/revision/ref-names.js";
import type { RefName } from "../../core/model/ids.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { makeRef, printRefs, removeRefs, type RefKind, type RefMark } from "../named-refs.js";
import { openRepository } from "../open-repository.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { subject } from "../render/commit-text.js";
import { printJson } from "../render/json-array.js";
import { refText } from "../render/names.js";
import { commitOf } from "../revision-words.js";

const KIND: RefKind = { word: "branch", prefixes: ["refs/heads/"], ref: branchRef };

const FORM = {
  name: "branch",
  form: "[NAME [REV]] [-f] | -d NAME… | -m [OLD] NEW | -u UPSTREAM [NAME] | --contains REV",
} as const;

const OPTIONS = {
  delete: { type: "boolean", alias: "d", describe: "delete each NAME, all of them or none; their commits stay" },
  "force-delete": { type: "boolean", alias: "D", describe: "the same, also of branches that are not merged" },
  force: { type: "boolean", alias: "f", describe: "move NAME if it exists; with -m replace NEW, with -d as -D" },
  move: { type: "boolean", alias: "m", describe: "rename OLD (default: the current branch) to NEW" },
  "force-move": { type: "boolean", alias: "M", describe: "the same, also when NEW exists" },
  "set-upstream-to": {
    type: "string",
    alias: "u",
    value: "UPSTREAM",
    describe: "have NAME (default: the current branch) follow it",
  },
  "unset-upstream": { type: "boolean", describe: "have NAME (default: the current branch) follow none" },
  verbose: { type: "boolean", alias: "v", describe: "show what each branch follows, and its last commit's subject" },
  list: { type: "boolean", alias: "l", describe: "list the branches that fit each pattern NAME" },
  contains: { type: "boolean", describe: "list the branches that have the commit" },
  merged: { type: "boolean", describe: "list the branches whose commits REV (default: HEAD) has" },
  "no-merged": { type: "boolean", describe: "list those that have others" },
} as const;

type Options = OptionValues<typeof OPTIONS>;

export const branchCommand: Command = command(
  {
    ...FORM,
    summary: "List, make, rename or delete branches",
    description: `Without NAME, lists the branches; * marks the one that the tracked directory stands on. With NAME, makes it at REV
(default: HEAD). A branch under a container or the tracked directory is neither moved nor deleted, but renamed: whoever stands
on it goes along. -d keeps a branch whose commits its upstream, or HEAD, has not. UPSTREAM is the branch that a branch follows,
as in git; NAME@{upstream} is its commit.`,
    words: [
      { name: "BRANCH", required: false },
      { name: "REV", required: false, many: true },
    ],
    options: OPTIONS,
    examples: [
      ["varve branch -v", "list"],
      ["varve branch try main~1", "a branch at an older commit"],
      ["varve branch -m try next", "under another name"],
      ["varve branch -u main next", "next follows main: see next@{upstream}"],
      ["varve branch -d next old", "and gone, with another one"],
      ["varve branch --contains v1", "what has tag v1"],
    ],
    statuses: [
      ["30", "there is one of that name"],
      ["31", "a container or directory stands on it"],
      ["35", "it has commits that nothing else has"],
    ],
  },
  async ({ words, options, session }) => {
    const given = { words, options, session };
    if (options.delete || options["force-delete"]) return remove(given);
    if (options.move || options["force-move"]) return rename(given);
    if (options["set-upstream-to"] !== undefined || options["unset-upstream"]) return follow(given);
    const filtered = options.contains || options.merged || options["no-merged"];
    if (words[0] === undefined && options.force) throw wordMissing(FORM, "NAME");
    if (filtered || options.list || options.verbose || words[0] === undefined) return list(given);
    return make(given);
  },
);

interface Given {
  readonly words: readonly string[];
  readonly options: Options;
  readonly session: Session;
}

async function make({ words: [name = "", revision = "HEAD", extra], options: { force }, session }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  return makeRef(KIND, name, { revision, force }, session);
}

async function remove({ words, options, session }: Given): Promise<void> {
  if (words.length === 0) throw wordMissing(FORM, "NAME");
  return removeRefs(KIND, words, options["force-delete"] || options.force, session);
}

async function rename({ words: [first, second, extra], options, session }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  if (first === undefined) throw wordMissing(FORM, "NEW");
  const repository = await openRepository(session);
  const from = second === undefined ? await repository.history.head() : branchRef(first);
  const to = branchRef(second ?? first);
  const force = options["force-move"] || options.force;
  const commit = await renameBranch(repository, from, to, { command: session.typed, force });
  const { terminal, json } = session;
  if (json) return printJson(terminal, { branch: refText(to), from: refText(from), commit: commit ?? null });
  terminal.say(`Renamed branch ${refText(from)} to ${refText(to)}. Take it back: varve undo`);
}

async function follow({ words: [name, extra], options, session }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const repository = await openRepository(session);
  const branch = name === undefined ? await repository.history.head() : branchRef(name);
  const wanted = options["set-upstream-to"];
  if (wanted !== undefined && options["unset-upstream"])
    throw new VarveError("USAGE", "Cannot both set and unset an upstream: one of the two is wanted");
  const upstream = wanted === undefined ? undefined : await upstreamRef(repository, wanted);
  await setUpstream(repository, branch, upstream, { command: session.typed });
  const { terminal, json } = session;
  if (json) return printJson(terminal, { branch: refText(branch), upstream: upstream === undefined ? null : refText(upstream) });
  terminal.say(`Branch ${refText(branch)} ${upstream === undefined ? "follows none" : `follows ${refText(upstream)}`} now.`);
}

/** A branch of this store, or what git has of a remote's: `origin/main`. */
async function upstreamRef({ history }: Repository, word: string): Promise<RefName> {
  const remote = `refs/remotes/${word}`;
  const isRemote = isRefName(remote) && (await history.readRef(remote as RefName)) !== undefined;
  return isRemote && (await history.readRef(`${BRANCHES}${word}` as RefName)) === undefined
    ? (remote as RefName)
    : branchRef(word);
}

async function list({ words, options, session }: Given): Promise<void> {
  const isFiltered = options.contains || options.merged || options["no-merged"];
  const [revision, extra] = words;
  if (isFiltered && extra !== undefined) throw wordTooMany(FORM, extra);
  if (options.contains && revision === undefined) throw wordMissing(FORM, "REV");
  const keep = (repository: Repository): Promise<(ref: Ref) => Promise<boolean>> =>
    filterOf(repository, options, revision ?? "HEAD");
  const mark = (repository: Repository): Promise<(ref: Ref) => Promise<RefMark>> => marksOf(repository, options.verbose);
  return printRefs(KIND, { patterns: isFiltered ? [] : words, mark, ...(isFiltered && { keep }) }, session);
}

async function filterOf(repository: Repository, options: Options, revision: string): Promise<(ref: Ref) => Promise<boolean>> {
  const commit = await commitOf(repository, revision);
  if (options.contains) {
    const descendants = new Descendants(repository.history, commit);
    return ({ commit: tip }) => descendants.has(tip);
  }
  const ancestors = await ancestorsOf(repository.history, [commit]);
  return async ({ commit: tip }) => ancestors.has(tip) === options.merged;
}

async function marksOf({ containers, history, worktree }: Repository, verbose: boolean): Promise<(ref: Ref) => Promise<RefMark>> {
  const head = worktree === undefined ? undefined : await history.head();
  const holders = new Map(containers.list().map(({ record }) => [record.branch, record.name]));
  return async ({ name, commit }) => {
    const current = name === head;
    const upstream = await history.upstream(name);
    const json = { current, container: holders.get(name) ?? null, upstream: upstream === undefined ? null : refText(upstream) };
    const follows = upstream === undefined ? "" : `[${refText(upstream)}] `;
    const about = verbose ? `${follows}${subject(await history.readCommit(commit))}` : "";
    return { mark: current ? "* " : "  ", about, json };
  };
}
