import { commitTarget, type CommitResult } from "../../core/operations/commit-target.js";
import {
  createContainer,
  removeContainers,
  startContainer,
  startInBackground,
  withdrawContainer,
} from "../../core/operations/container-lifecycle.js";
import { findTarget } from "../../core/operations/targets.js";
import { VarveError } from "../../core/errors.js";
import type { Origin } from "../../core/model/commit.js";
import type { ContainerRecord, ProcessResult } from "../../core/ports/containers.js";
import type { Repository } from "../../core/ports/repository.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { refuseEmptyMessage } from "../commit-message.js";
import { newContainerName } from "../container-name.js";
import { openRepository } from "../open-repository.js";
import { commitResultJson } from "../render/commit-json.js";
import { commitReport } from "../render/commit-text.js";
import { outOfMemory } from "../render/out-of-memory.js";
import { printJson } from "../render/json-array.js";
import { commitOf } from "../revision-words.js";
import { BACKGROUND_OPTIONS, backgroundOf, refuseBackgroundOptions } from "../run-options/background.js";
import { IMAGE_VOLUME_OPTION, withImageVolumes } from "../run-options/image-volumes.js";
import { imageCommand, PLACE_OPTIONS } from "../run-options/place.js";
import { requireTerminal, RUN_OPTIONS, runConfiguration } from "../run-options.js";
import { CACHE_OPTIONS, cacheEntry, isReused, keepForLater, requireCacheable, type CacheEntry } from "../run-cache.js";
import { shellLine } from "../shell-line.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";

const options = {
  ...PLACE_OPTIONS,
  ...IMAGE_VOLUME_OPTION,
  detach: { type: "boolean", alias: "d", describe: "Run it in the background, and print the container's id" },
  rm: { type: "boolean", describe: "Remove the container when its process ends" },
  commit: { type: "boolean", describe: "Commit what a process that ended with 0 has changed" },
  message: { type: "string", alias: "m", value: "MSG", describe: "Message for --commit (default: the process's command)" },
  ...CACHE_OPTIONS,
  ...VERIFY_OPTION,
  ...BACKGROUND_OPTIONS,
  ...RUN_OPTIONS,
} as const;

export const runCommand: Command = command(
  {
    name: "run",
    form: "[options] REV [-- CMD…]",
    summary: "Run a process in a new container on a commit",
    description: `Makes a container on REV and runs CMD in it, isolated, with the tree of REV as its root. What the image config of REV
says of entrypoint, command, environment, user, directory and labels holds where options do not. What it writes stays in the
container: "varve diff NAME" shows it, "varve commit NAME" records it, "varve start NAME" runs CMD again on it.
A run whose process can't be started leaves no container.
With --commit a process that ends with 0 has its changes committed, with its command, exit status and duration; one that fails commits
nothing. With --cache a run is not repeated where one was made before on the same tree with the same CMD, environment, user, directory,
network, read-only volumes and inputs (by their contents, not their times): the branch gets that commit, and CMD is not run. What else CMD
depends on, such as the network or the time, is not seen. "varve gc" forgets runs that were not used for its --cache-age. Without "--", options come
before REV.`,
    words: [{ name: "REV", required: true }],
    rest: "command",
    options,
    namespace: "always",
    examples: [
      ["varve run --rm -it base -- sh", "look around; nothing is kept"],
      ["varve run --name web -v /srv/www:/www:ro base -- httpd -f", "a container that stays"],
      ["varve run -d --name web --restart on-failure base -- httpd -f", "in the background: varve logs -f web"],
      ["varve run --rm --verify base -- sh", "after each file of base was read and compared with its digest"],
      ['varve run --rm -b base --commit -m "add git" base -- apk add git', "one step of a build"],
      ["varve run --rm -v pgdata:/var/lib/postgresql postgres", "what its image says, with a named volume"],
      ["varve run --cache -b ci -v .:/src:ro ci -- make -C /src install", "one that is run when the sources have changed"],
    ],
    statuses: [
      ["0-255", "that of the process"],
      ["125", "varve itself failed, before or after the process"],
      ["126", "CMD is no program that can be executed"],
      ["127", "CMD was not found"],
    ],
  },
  async ({ words: [revision = ""], rest = [], options: given, session }) => {
    if (given.detach) requireDetachable(given);
    else {
      refuseBackgroundOptions(given);
      requireTerminal(given.tty);
    }
    refuseEmptyMessage(given.message, "run");
    refuseIdleMessage(given);
    const branch = given.branch === undefined ? undefined : branchRef(given.branch);
    requireCacheable(given);
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const name = given.name ?? newContainerName(new Set(repository.containers.list().map(({ record }) => record.name)));
    const { command, image } = await imageCommand(repository, commit, { revision, entrypoint: given.entrypoint, words: rest });
    const subject = { name, command, environment: process.env, image };
    const background = given.detach ? { background: backgroundOf(given, given.rm) } : {};
    const configuration = { ...withImageVolumes(runConfiguration(given, subject), image, given), ...background };
    const entry = await cacheEntry(repository, given, { parent: commit, configuration });
    if (entry && branch && !given["no-cache"] && (await isReused(repository, entry, branch, session))) return 0;
    const settled = entry === undefined ? given : { ...given, rm: true, commit: true };
    const create = { name, branch, commit, configuration, command: session.typed, passing: settled.rm };
    const record = await createContainer(repository, create);
    if (given.detach) return runDetached(repository, record, given, session);
    return runAndSettle(repository, record, settled, session, entry);
  },
);

/** @throws VarveError USAGE. In docker `-m 100m` is a limit: it must not go unheard. */
function refuseIdleMessage({ message, commit, cache }: OptionValues<typeof options>): void {
  if (message === undefined || commit || cache) return;
  throw new VarveError("USAGE", `Cannot use -m "${message}" without --commit: it is the message of a commit`, {
    hint: "Give --commit, too. To limit memory, use --memory SIZE.",
  });
}

/** @throws VarveError USAGE. */
function requireDetachable(given: OptionValues<typeof options>): void {
  const other = given.commit ? "--commit" : given.cache ? "--cache" : undefined;
  if (other === undefined) return;
  throw new VarveError("USAGE", `Cannot use ${other} with -d: it needs the end of the process, which -d does not wait for`, {
    hint: `Leave one of them out. A container in the background is committed with "varve commit NAME".`,
  });
}

async function runDetached(
  repository: Repository,
  record: ContainerRecord,
  given: OptionValues<typeof options>,
  session: Session,
): Promise<number> {
  const { id, name } = record;
  try {
    await startInBackground(repository, record, { verify: verifier(given.verify, repository, session) });
  } catch (error) {
    if (!given.rm) await isWithdrawn(repository, record, session);
    else await removeContainers(repository, [record], { command: session.typed, force: true, passing: true, volumes: true });
    throw error;
  }
  if (session.json) printJson(session.terminal, { id, name });
  else session.terminal.print(`${id}\n`);
  return 0;
}

async function runAndSettle(
  repository: Repository,
  record: ContainerRecord,
  given: OptionValues<typeof options>,
  session: Session,
  entry: CacheEntry | undefined,
): Promise<number> {
  try {
    const result = await startContainer(repository, record, { verify: verifier(given.verify, repository, session) });
    const committed =
      given.commit && result.exitCode === 0 ? await commitRun(repository, record, result, given, session) : undefined;
    if (entry !== undefined && result.exitCode === 0) {
      const made = { commit: committed?.commit.id, message: messageOf(record, given), origin: originOf(record, result) };
      await keepForLater(repository, entry, made, session);
    }
    report(session, record, result, committed, given);
    if (result.oomKilled === true) session.terminal.say(outOfMemory(record));
    return result.exitCode;
  } catch (error) {
    if (!given.rm && !(await isWithdrawn(repository, record, session)))
      session.terminal.say(`The container ${record.name} stays: varve start ${record.name}, varve rm ${record.name}`);
    throw error;
  } finally {
    if (given.rm)
      await removeContainers(repository, [record], { command: session.typed, force: true, passing: true, volumes: true });
  }
}

/** What fails here must not hide why the run failed. */
async function isWithdrawn(repository: Repository, record: ContainerRecord, { typed }: Session): Promise<boolean> {
  try {
    return await withdrawContainer(repository, record, typed);
  } catch {
    return false;
  }
}

async function commitRun(
  repository: Repository,
  record: ContainerRecord,
  result: ProcessResult,
  given: OptionValues<typeof options>,
  session: Session,
): Promise<CommitResult | undefined> {
  const commit = { message: messageOf(record, given), command: session.typed, origin: originOf(record, result) };
  try {
    return await commitTarget(repository, findTarget(repository, record.id), commit);
  } catch (error) {
    if (error instanceof VarveError && error.code === "NOTHING_TO_COMMIT") return undefined;
    throw error;
  }
}

function messageOf({ configuration }: ContainerRecord, { message }: OptionValues<typeof options>): string {
  return message ?? shellLine(configuration.command);
}

function originOf({ configuration }: ContainerRecord, { exitCode, durationMilliseconds }: ProcessResult): Origin {
  return { command: configuration.command, exitCode, durationMilliseconds };
}

function report(
  { terminal, json }: Session,
  { id, name }: ContainerRecord,
  { exitCode, durationMilliseconds }: ProcessResult,
  committed: CommitResult | undefined,
  given: OptionValues<typeof options>,
): void {
  if (json) {
    const commit = committed === undefined ? null : commitResultJson(committed);
    printJson(terminal, { id, name, exitCode, durationMilliseconds, removed: given.rm, commit, cached: false });
    return;
  }
  if (committed !== undefined) terminal.say(commitReport(committed));
  else if (given.commit)
    terminal.say(exitCode === 0 ? "Nothing to commit: the process changed nothing." : "Not committed: the process failed.");
  // Only when it is not obvious how to go on: a name that nobody chose.
  else if (!given.rm && given.name === undefined) terminal.say(`The container is ${name}: varve diff ${name}, varve rm ${name}`);
}
