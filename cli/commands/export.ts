import { statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Loss } from "../../core/exchange/ext4-fit.js";
import { machinePlatform } from "../../core/exchange/machine-platform.js";
import { exportContainer, exportErofs, exportExt4, refuseLoss, type Ext4Options } from "../../core/exchange/export-forms.js";
import { exportDifference } from "../../core/operations/export-difference.js";
import { exportTree } from "../../core/operations/export-tree.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import type { ExportedTar } from "../../core/ports/archives.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { bytesOf, choiceOf } from "../option-values.js";
import { refuseArchiveOnStdout, writeOutput, writeOutputFile } from "../output-file.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { showProgress } from "../progress.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";
import { shellLine } from "../shell-line.js";
import { sidesOfRange } from "../side-words.js";

const FORMATS = ["tar", "ext4", "erofs", "lxc"] as const;
type Format = (typeof FORMATS)[number];

const options = {
  output: {
    type: "string",
    alias: "o",
    value: "FILE",
    describe: "Write to FILE in place of stdout; with --format lxc a directory",
  },
  format: { type: "string", value: "FORMAT", describe: "tar, ext4, erofs or lxc (default: tar)" },
  size: { type: "string", value: "SIZE", describe: "Of an ext4 image, such as 2g (default: what the tree takes, and room)" },
  strict: { type: "boolean", describe: "Fail when the form can't hold something, in place of a warning" },
} as const;

export const exportCommand: Command = command(
  {
    name: "export",
    form: "REV|A..B [-o FILE] [-- PATH…]",
    summary: "Write a tree as a tar archive, a disk image or an LXC container",
    description: `Writes the tree of REV (a revision, @ or @NAME) as a PAX tar, the same bytes for the same tree. Sockets have no place
in a tar: they are left out, with a warning. Of A..B it writes what B changes on A, as the tar that is an image's layer: an empty ".wh.NAME"
stands for what is gone. To stdout, unless that is a terminal. --format erofs writes one EROFS image, the same bytes
for the same tree, without any privileges; ext4 a sparse image of that filesystem, which the kernel fills: that needs root and mke2fs, and
its bytes are not the same each time. "mount -o loop" reads both. lxc makes a directory with "rootfs" and "config", as LXC keeps a container:
with the command, environment and user of the commit's image config, and no network. With PATH, a path or a pattern, only that, what stands
below it, and the directories that lead there. A path must be there; a pattern that matches nothing gives a warning. ${FROM_WHERE}`,
    words: [{ name: "REV", required: true }],
    rest: "paths",
    options,
    examples: [
      ["varve export base -o base.tar", "to a file"],
      ["varve export base -o etc.tar -- etc '!etc/ssl'", "a part of it"],
      ["varve export base..@web -o layer.tar", "what a container has changed, as an OCI layer"],
      ["varve export @web | zstd > web.tar.zst", "a container as it is now, compressed"],
      ["varve export base --format ext4 --size 4g -o disk.img", "a disk for a virtual machine"],
      ["varve export base --format erofs -o base.erofs && mount -o loop base.erofs /mnt", "an image to be read"],
      ["varve export web --format lxc -o /var/lib/lxc/web && lxc-start web", "a container of LXC's"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "the tree has no such path, or this machine no directory for FILE"],
      ["36", "the directory of an LXC container is not empty"],
      ["44", "what the form can't hold, with --strict"],
      ["51", "an ext4 image that is too small, or a full disk"],
      ["53", "an ext4 image, without the right to mount"],
      ["125", "an ext4 image, without mke2fs"],
    ],
  },
  async ({ words: [revision = ""], rest, options: given, session }) => {
    const format = given.format === undefined ? FORMATS[0] : choiceOf("--format", given.format, FORMATS);
    const size = given.size === undefined ? undefined : bytesOf("--size", given.size);
    const output = outputOf(given.output, format, session);
    if (size !== undefined && format !== "ext4")
      throw new VarveError("USAGE", `Cannot give a size to --format ${format}: an ext4 image alone has one`);
    const { repository, before, side } = await whatIsExported(session, revision, format);
    if (before !== undefined && rest !== undefined && rest.length > 0) throw partOfDifference(revision);
    const paths = await selectionOf(rest, repository, [side]);
    const observe = showProgress(session.terminal);
    const request = { repository, before, side, paths, format, output, size, isStrict: given.strict, observe, session };
    const written = await write(request);
    observe(undefined);
    for (const name of written.skipped)
      session.terminal.complain(`varve: warning: Left out ${printableLine(name)}: a tar can't hold a socket.\n`);
    for (const { path: place, what } of written.losses)
      session.terminal.complain(
        `varve: warning: ${NAMES[format]} can't hold all of ${printableLine(place)}: ${printableLine(what)}.\n`,
      );
    for (const word of paths.unmatched())
      session.terminal.complain(`varve: warning: No path matches ${printableLine(shellLine([word]))}.\n`);
    if (output === undefined) return;
    if (session.json) printJson(session.terminal, { file: output, format, ...written, bytes: bytesAt(output) });
    else session.terminal.say(`Wrote ${output}`);
  },
);

interface Exported {
  readonly repository: Repository;
  /** Of a range. */
  readonly before: Side | undefined;
  readonly side: Side;
}

async function whatIsExported(session: Session, word: string, format: Format): Promise<Exported> {
  const sides = await sidesOfRange(session, word);
  if (sides === undefined) {
    const repository = await openRepository(session);
    return { repository, before: undefined, side: await parseSide(repository, word) };
  }
  if (format !== "tar")
    throw new VarveError(
      "USAGE",
      `Cannot write ${NAMES[format].replace(/^A/, "a")} of ${shellLine([word])}: it holds a whole tree`,
      {
        hint: "A difference is written as a tar.",
      },
    );
  if (!("repository" in sides)) throw notOfTheStore(word);
  const { repository, before, after: side } = sides;
  if (before.kind === "outside" || side.kind === "outside") throw notOfTheStore(word);
  return { repository, before, side };
}

/** What is gone with a directory above a path could not be told without all that is gone with it. */
function partOfDifference(word: string): VarveError {
  return new VarveError("USAGE", `Cannot export a part of ${shellLine([word])}: a difference goes out whole`, {
    hint: `To see a part of it: varve diff ${shellLine([word])} -- PATH`,
  });
}

function notOfTheStore(word: string): VarveError {
  return new VarveError("USAGE", `Cannot export ${shellLine([word])}: both sides have to be of the store`, {
    hint: "Import the other tree first: varve import SOURCE -b BRANCH",
  });
}

const NAMES: Readonly<Record<Format, string>> = {
  tar: "A tar",
  ext4: "An ext4 image",
  erofs: "An EROFS image",
  lxc: "An LXC container",
};

interface Request extends Ext4Options {
  readonly repository: Repository;
  readonly before: Side | undefined;
  readonly side: Side;
  readonly paths: PathSelection;
  readonly format: Format;
  /** Absent: stdout. */
  readonly output: string | undefined;
  readonly session: Session;
}

interface Written {
  readonly skipped: readonly string[];
  readonly losses: readonly Loss[];
}

async function write(request: Request): Promise<Written> {
  const { repository, side, paths, format, output = "", isStrict, observe } = request;
  switch (format) {
    case "tar":
      return { ...(await writeTar(request)), losses: [] };
    case "erofs":
      await writeOutputFile(output, (file) => exportErofs(repository, side, file, paths, request));
      return { skipped: [], losses: [] };
    case "ext4":
      return { skipped: [], losses: await writeOutputFile(output, (file) => exportExt4(repository, side, file, paths, request)) };
    case "lxc": {
      const directory = path.resolve(output);
      const { architecture } = machinePlatform(process.arch);
      const place = { name: path.basename(directory), directory, architecture, isStrict, observe };
      return { skipped: [], losses: await exportContainer(repository, side, paths, place) };
    }
  }
}

async function writeTar({ repository, before, side, paths, output, isStrict, session }: Request): Promise<ExportedTar> {
  const writeAll = async (put: (chunk: Uint8Array) => Promise<void>): Promise<ExportedTar> => {
    const written =
      before === undefined
        ? await exportTree(repository, side, put, paths)
        : await exportDifference(repository, [before, side], put);
    if (isStrict)
      refuseLoss(
        "a tar",
        written.skipped.map((name) => ({ path: name, what: "it is a socket" })),
      );
    return written;
  };
  return output === undefined ? writeAll(async (chunk) => session.terminal.write(chunk)) : writeOutput(output, writeAll);
}

/** @returns `undefined` for stdout. */
function outputOf(output: string | undefined, format: Format, session: Session): string | undefined {
  if (output !== undefined && output !== "-") return output;
  if (format !== "tar")
    throw new VarveError(
      "USAGE",
      `Cannot write ${NAMES[format].replace(/^A/, "a")} to stdout: wanted -o ${format === "lxc" ? "DIR" : "FILE"}`,
    );
  refuseArchiveOnStdout(session, "varve export REV");
  return undefined;
}

/** @returns `null` for a directory. */
function bytesAt(file: string): number | null {
  const stat = statSync(file);
  return stat.isFile() ? stat.size : null;
}
