import path from "node:path";
import { importSource } from "../../core/operations/import-source.js";
import { namedByDigest, storedName } from "../../core/exchange/image-names.js";
import { isImageArchive } from "../../core/exchange/is-image.js";
import type { CommitId } from "../../core/model/ids.js";
import { openCommitTree } from "../../core/operations/targets.js";
import type { Repository } from "../../core/ports/repository.js";
import { branchRef, imageRef, isDigestReference } from "../../core/revision/ref-names.js";
import { CHANGE_OPTION } from "../change-option.js";
import { command, type Command } from "../command.js";
import { refuseEmptyMessage } from "../commit-message.js";
import { EXCLUDE_OPTION, excludedPatterns, excludeNeedsDirectory } from "../exclude-option.js";
import { openImportSource } from "../import-source.js";
import { openRepository } from "../open-repository.js";
import { showProgress } from "../progress.js";
import { reportCommit, whenNothingToCommit } from "../report-commit.js";
import { shellLine } from "../shell-line.js";

const options = {
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "Branch that gets the commit; made when absent (default: main, without REFERENCE)",
  },
  message: { type: "string", alias: "m", value: "MSG", describe: "The commit's message (default: what was imported)" },
  exclude: EXCLUDE_OPTION,
  change: CHANGE_OPTION,
} as const;

export const importCommand: Command = command(
  {
    name: "import",
    form: "SOURCE [REFERENCE] [-b BRANCH] [-m MSG]",
    summary: "Commit a directory or a tar archive to a branch",
    description: `Commits a whole tree from outside: SOURCE is a directory, a tar archive (plain, gzip, zstd, xz or bzip2), the http or
https URL of one, or "-" for an archive on stdin. Owners, times, xattrs, hardlinks, devices and holes are kept. What the branch holds already is not stored again.
Of a directory, what its .varveignore files say is left out. --change says what "varve run" starts on it, and how, in the words of a
Dockerfile; without it the branch's image config stays. REFERENCE names the commit as docker import names an image, debian:12; without
-b a history of its own begins with it.`,
    words: [
      { name: "SOURCE", required: true },
      { name: "REFERENCE", required: false },
    ],
    options,
    examples: [
      ['varve import ./rootfs -b base -m "Debian 12"', "a directory"],
      ["varve import / -b host --exclude '/proc/*' --exclude '/var/cache/**/*.deb'", "this machine, without some of it"],
      ["varve import rootfs.tar.xz -b base", "an archive"],
      [`varve import rootfs.tar -b web --change 'CMD ["nginx"]' --change "ENV LANG=C.UTF-8"`, "with what runs on it"],
      ["docker export web | varve import - -b web", "a container of docker's"],
      ["docker export web | varve import - team/web:1", "under an image's name, as docker import"],
    ],
    statuses: [
      ["1", "nothing to commit: the branch holds that tree already"],
      ["40-43", "the source is missing, changed meanwhile, unreadable or invalid"],
    ],
  },
  async ({ words: [source = "", word], options: { branch, message, exclude, change }, session }) => {
    const reference = word === undefined ? undefined : storedName(word);
    if (reference !== undefined && isDigestReference(reference)) throw namedByDigest(reference);
    const name = branch ?? (reference === undefined ? "main" : undefined);
    const ref = name === undefined ? undefined : branchRef(name);
    refuseEmptyMessage(message, "import");
    const opened = await openImportSource(source);
    const patterns = excludedPatterns(exclude);
    if (patterns.length > 0 && opened.kind === "tar") throw excludeNeedsDirectory("import an archive");
    const repository = await openRepository(session, { make: true });
    const says = message ?? `import ${source === "-" ? "from stdin" : path.basename(path.resolve(source)) || "/"}`;
    const observe = showProgress(session.terminal);
    return whenNothingToCommit(session, async () => {
      const result = await importSource(repository, opened, {
        branch: ref,
        reference: reference === undefined ? undefined : imageRef(reference),
        message: says,
        exclude: patterns,
        configChanges: change,
        command: session.typed,
        observe,
      });
      if (await isImage(repository, result.commit.id))
        session.terminal.complain(
          `varve: warning: This is an archive of images, imported as a tree of files. For the image itself: varve undo; varve load ${shellLine([source])}\n`,
        );
      const made = shellLine([name ?? reference ?? ""]);
      const isNew = result.commit.parents.length === 0;
      reportCommit(
        session,
        result,
        isNew ? { next: `Look at it: varve ls ${made}. Run something on it: varve run ${made} -- CMD…` } : {},
      );
    });
  },
);

async function isImage(repository: Repository, commit: CommitId): Promise<boolean> {
  const tree = await openCommitTree(repository, commit);
  try {
    return isImageArchive(tree);
  } finally {
    tree.close();
  }
}
