import { VarveError } from "../../core/errors.js";
import { blame, type Blame, type BlameOptions } from "../../core/operations/history/blame.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { lineRangeOf } from "../option-values.js";
import { FROM_WHERE, placeOfWord } from "../path-words.js";
import { blameJson, printBlamedLines, printBlamedPaths } from "../render/blamed.js";
import { printJsonArray } from "../render/json-array.js";
import { splitSidePath } from "../revision-words.js";

const options = {
  recursive: { type: "boolean", alias: "r", describe: "Of a directory, show all that stands below it" },
  lines: {
    type: "string",
    alias: "L",
    array: true,
    value: "START,END",
    describe: "Of a text file, show these lines alone: 10,20 or 10,+5 or 10, (to the end) or ,20",
  },
} as const;

export const blameCommand: Command = command(
  {
    name: "blame",
    form: "PATH | REV:PATH | REV PATH",
    summary: "Show which commit last changed each path, or each line of a text",
    description: `Of a directory: each path in it, and the commit that last changed the path or something below it. Of a text file: each line, and the
commit that brought it; a file that was moved is followed. Of any other file: one row. REV is a revision, or a container or tracked
directory as it is now (default: @, the tracked directory). What is not committed there is marked "Not Committed Yet", as git does.
${FROM_WHERE}`,
    words: [
      { name: "REV", required: false },
      { name: "PATH", required: false },
    ],
    rest: "paths",
    options,
    paged: true,
    examples: [
      ["varve blame /etc", "who changed what in a directory, and what is not committed"],
      ["varve blame -L 10,20 etc/passwd", "some lines of a text"],
      ["varve blame v1:/etc/passwd", "who brought each line, as of v1"],
      ["varve blame -r web -- /srv", "all below a directory of a container"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "no such path in that tree"],
      ["23", "with -L: what stands there is no text file"],
    ],
  },
  async ({ words, rest, options: { recursive, lines: ranges }, session }) => {
    const lines = ranges.map((text) => lineRangeOf("-L", text));
    const place = await placeOf(session, words, rest ?? []);
    const found = await blameOf(place, { recursive, lines });
    if (session.json) return printJsonArray(session.terminal, blameJson(found));
    if (found.kind === "lines") printBlamedLines(session.terminal, found);
    else printBlamedPaths(session.terminal, found.paths, place.path);
  },
);

interface BlamedPlace {
  readonly repository: Repository;
  /** A commit, or a live tree. */
  readonly side: Side;
  readonly path: ByteString;
}

/** @throws VarveError USAGE. */
async function placeOf(session: Session, words: readonly string[], rest: readonly string[]): Promise<BlamedPlace> {
  const [first = "", ...others] = [...words, ...rest];
  if (words.length + rest.length === 1 && rest.length === 0 && first.includes(":")) {
    const repository = await openRepository(session);
    const { side, path } = await splitSidePath(repository, first);
    return { repository, side: await parseSide(repository, side), path };
  }
  const [revision, path] = others.length === 0 ? [undefined, first] : [first, others[0] ?? ""];
  if (others.length > 1 || rest.length > 1 || path === "") {
    const state = path === "" ? "PATH is missing" : `"${others.at(-1) ?? ""}" is one word too many`;
    throw new VarveError("USAGE", `Cannot run varve blame: ${state}`, {
      hint: "The form is: varve blame PATH, varve blame REV:PATH or varve blame REV -- PATH",
    });
  }
  const found = revision === undefined ? undefined : await findWordTarget(session, revision);
  if (found !== undefined) {
    const { repository, target } = found;
    return { repository, side: { kind: "live", target }, path: placeOfWord(path, repository, [target]) };
  }
  const repository = await openRepository(session);
  // A store without a tracked directory has a HEAD all the same.
  const word = revision ?? (repository.worktree === undefined ? "HEAD" : "@");
  return { repository, side: await parseSide(repository, word), path: placeOfWord(path, repository) };
}

async function blameOf({ repository, side, path }: BlamedPlace, options: BlameOptions): Promise<Blame> {
  if (side.kind === "live")
    return (await import("../../core/operations/history/blame-live.js")).blameLive(repository, side.target, path, options);
  if (side.commit === undefined) throw new RangeError("a revision is a commit");
  return blame(repository, side.commit, path, options);
}
