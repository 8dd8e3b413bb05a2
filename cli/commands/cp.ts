import path from "node:path";
import { copyIn, copyOut, copyToTar, type Incoming } from "../../core/operations/copying/copy-files.js";
import { givenPath, type GivenPath } from "../../core/operations/copying/place-copy.js";
import { findTarget, type Target } from "../../core/operations/targets.js";
import { VarveError } from "../../core/errors.js";
import type { Tree } from "../../core/model/tree.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openImportSource } from "../import-source.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { bytesOfWord, wordOfBytes } from "../process-arguments.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";

type ContainerTarget = Extract<Target, { kind: "container" }>;

const options = {
  archive: { type: "boolean", alias: "a", describe: "Keep owners (default: root's in a container, yours outside)" },
  "follow-link": { type: "boolean", alias: "L", describe: "Copy what a symlink SRC leads to" },
} as const;

export const cpCommand: Command = command(
  {
    name: "cp",
    form: "CONTAINER:PATH DEST | SRC CONTAINER:PATH",
    summary: "Copy files into a container, or out of one",
    description: `Copies a file or directory as "cp -a" does, with docker's rules: into DEST when that is a directory, else as DEST itself,
whose parent must be there. DIR/. is what DIR holds. What is there is replaced, a directory is filled up. "-" as DEST writes a tar to
stdout; as SRC it reads one, which may be compressed, from stdin, and owners are kept. PATH counts from the container's root, and no
symlink leads out of it. The container may run or not: of one that does not, "varve undo" takes the copy back, and what a volume will
hide is refused. A local name with a colon is given as ./NAME.`,
    words: [
      { name: "SRC", required: true },
      { name: "DEST", required: true },
    ],
    options,
    namespace: "where used",
    examples: [
      ["varve cp web:/etc/nginx .", "the directory nginx, to here"],
      ["varve cp site/. web:/var/www", "what site holds, into the container"],
      ["varve cp -a web:/var/lib/data - | zstd > data.tar.zst", "as an archive"],
      ["varve cp - web:/srv < site.tar", "what an archive holds"],
    ],
    statuses: [
      ["22", "no such file, or no directory to copy into"],
      ["23", "a directory in the place of a file, or the other way round"],
      ["24", "no such container"],
    ],
  },
  async ({ words: [from = "", to = ""], options: given, session }) => {
    const [source, destination] = [endOf(from), endOf(to)];
    if (source.container === undefined && destination.container === undefined) throw noContainer();
    if (source.container !== undefined && destination.container !== undefined) throw twoContainers(from, to);
    const name = source.container ?? destination.container;
    if (source.container !== undefined && to === "-") refuseStdout(session);
    const repository = await openRepository(session);
    const target = findTarget(repository, name) as ContainerTarget;
    const follows = given["follow-link"];
    if (source.container === undefined) {
      const owner = given.archive ? undefined : { uid: 0, gid: 0 };
      const request = { incoming: await incomingOf(repository, from, source), destination: destination.given };
      return reportCopied(
        session,
        target,
        await copyAndClose(repository, target, request, { owner, follows, command: session.typed }),
        to,
      );
    }
    if (to === "-") {
      const write = async (chunk: Uint8Array): Promise<void> => session.terminal.write(chunk);
      const { skipped } = await copyToTar(repository, target, source.given, { follows, write });
      for (const each of skipped)
        session.terminal.complain(`varve: warning: Left out ${printableLine(each)}: a tar can't hold a socket.\n`);
      return;
    }
    const owner = given.archive ? undefined : { uid: process.geteuid!(), gid: process.getegid!() };
    await copyOut(repository, target, { source: source.given, destination: destination.given }, { owner, follows });
    reportCopied(session, target, { undoable: false, saved: undefined }, to);
  },
);

interface End {
  /** Absent for a path of this machine, and for `-`. */
  readonly container: string | undefined;
  readonly given: GivenPath;
}

/** As docker tells them apart: a path that begins with a slash or a dot is one of this machine. */
function endOf(word: string): End {
  const colon = word.indexOf(":");
  if (word === "")
    throw new VarveError("USAGE", "Cannot copy: a path is empty", { hint: "If it came from a variable, that is not set." });
  if (/^[/.]/.test(word) || colon === -1) {
    const isFolder = /(^|\/)\.$/.test(word) ? "/." : word.endsWith("/") ? "/" : "";
    const place = `${path.resolve(wordOfBytes(bytesOfWord(word)))}${isFolder}`;
    return { container: undefined, given: givenPath(bytesOfWord(place), word) };
  }
  const [container, inside] = [word.slice(0, colon), word.slice(colon + 1)];
  if (container === "" || inside === "")
    throw new VarveError("USAGE", `Cannot read "${word}": wanted CONTAINER:PATH`, {
      hint: "A file of that name is given as ./NAME.",
    });
  return { container, given: givenPath(bytesOfWord(inside), word) };
}

interface OpenedIncoming {
  readonly incoming: Incoming;
  readonly tree?: Tree;
}

async function incomingOf(repository: Repository, from: string, { given }: End): Promise<OpenedIncoming> {
  if (from !== "-") return { incoming: { kind: "path", source: given } };
  const source = await openImportSource("-", "cp");
  if (source.kind !== "tar") throw new TypeError("stdin is a stream");
  const { tree } = await repository.archives.openTar(source.stream, source.name);
  return { incoming: { kind: "tree", tree }, tree };
}

async function copyAndClose(
  repository: Repository,
  target: ContainerTarget,
  { incoming: { incoming, tree }, destination }: { readonly incoming: OpenedIncoming; readonly destination: GivenPath },
  copying: Parameters<typeof copyIn>[3],
): ReturnType<typeof copyIn> {
  try {
    return await copyIn(repository, target, { incoming, destination }, copying);
  } finally {
    tree?.close();
  }
}

function reportCopied(
  { terminal, json }: Session,
  { record: { id, name } }: ContainerTarget,
  { undoable, saved }: Awaited<ReturnType<typeof copyIn>>,
  to: string,
): void {
  if (json) return printJson(terminal, { id, name, undoable, saved: saved ?? null });
  const kept = saved === undefined ? "" : ` What was not committed is kept as ${shortId(saved)}.`;
  terminal.say(
    `Copied to ${printableLine(to)}${to.endsWith(".") ? "" : "."}${kept}${undoable ? "\nTake it back: varve undo" : ""}`,
  );
}

function refuseStdout({ terminal, json }: Session): void {
  const hint = "Send it on: varve cp CONTAINER:PATH - | …";
  if (terminal.interactive)
    throw new VarveError("USAGE", "Cannot write an archive to the terminal: wanted a pipe or a file", { hint });
  if (json) throw new VarveError("USAGE", "Cannot write an archive and JSON to stdout: wanted one of them", { hint });
}

function noContainer(): VarveError {
  return new VarveError("USAGE", "Cannot copy: neither path is in a container", {
    hint: "Give one of them as CONTAINER:PATH. To copy out of a commit: varve cat REV:PATH, varve checkout REV DIR.",
  });
}

function twoContainers(from: string, to: string): VarveError {
  return new VarveError("USAGE", `Cannot copy from "${from}" to "${to}": both are in containers`, {
    hint: "Send it through a pipe: varve cp A:PATH - | varve cp - B:PATH",
  });
}
