import { VarveError } from "../../core/errors.js";
import { load } from "../../core/exchange/load-images.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { INCOMING_IMAGE_OPTIONS, keptBytes, platformOption } from "../image-options.js";
import { openImageSource } from "../image-source.js";
import { openRepository } from "../open-repository.js";
import { showLayers, showProgress } from "../progress.js";
import { reportHistory } from "../render/fetched-refs.js";
import { reportImages } from "../render/loaded-image.js";

const options = {
  input: { type: "string", alias: "i", value: "SOURCE", describe: "The same as SOURCE, as docker has it" },
  force: { type: "boolean", alias: "f", describe: "Of a bundle: move branches and tags that stand elsewhere, too" },
  image: { type: "string", value: "NAME", describe: "Only that image, by its name or digest (default: all of them)" },
  ...INCOMING_IMAGE_OPTIONS,
} as const;

export const loadCommand: Command = command(
  {
    name: "load",
    form: "[-i] SOURCE [-b BRANCH]",
    summary: "Bring images in, with their history: a docker archive, an OCI layout, a bundle",
    description: `Each entry of an image's history becomes a commit, with its message, author, time and layer, and the image reference names
the last one: "varve log debian:12" shows how it was made, "varve run debian:12 -- CMD" runs on it. SOURCE is an archive of docker save,
podman save or skopeo (plain, gzip, zstd, xz or bzip2), an OCI layout as an archive or a directory, the URL of an archive, or "-" for one on stdin. Layers are
read straight into layer images; nothing is unpacked, and no privileges are needed. Digests are checked. What the store needs to give the
same image back, with the same id, is kept. A reference that is taken moves to the new image; "varve undo" takes all of it back.
Of a bundle (varve bundle) all commits come in as they were, and branches and tags by the rules of git fetch: one that stands elsewhere moves only
when it goes on from there, or with --force; none moves that a container or the tracked directory stands on.`,
    words: [{ name: "SOURCE", required: false }],
    options,
    examples: [
      ["varve load -i debian.tar", "an archive of docker save"],
      ["docker save web:1 | varve load -", "through a pipe"],
      ["varve load update.varve", "a bundle of another store"],
      ["varve load ./layout --platform linux/arm64 --name team/base:1 -b base", "an OCI layout, for another platform"],
    ],
    statuses: [
      ["1", "a bundle's ref was rejected"],
      ["20", "the store lacks commits that a bundle stands on"],
      ["30", "the branch exists"],
      ["40-43", "the source is missing, unreadable, invalid or has no such image"],
    ],
  },
  async ({ words: [word], options: given, session }) => {
    const source = sourceOf(word, given.input);
    const branch = given.branch === undefined ? undefined : branchRef(given.branch);
    const opened = await openImageSource(source, "load");
    const repository = await openRepository(session, { make: true });
    const progress = { step: 0, steps: 0 };
    const show = showProgress(session.terminal, () => `step ${progress.step + 1} of ${progress.steps}: `);
    const loaded = await load(repository, opened, {
      command: session.typed,
      image: given.image,
      platform: platformOption(given.platform),
      reference: given.name,
      branch,
      force: given.force,
      keepBytes: keptBytes(given["keep-blobs"]),
      observe: show,
      onStep: (step, steps) => Object.assign(progress, { step, steps }),
      onLayer: showLayers(session.terminal),
    });
    show(undefined);
    if (loaded.kind === "history") return reportHistory(session, source, loaded.history);
    await reportImages(session, "Loaded image", loaded.images);
    return 0;
  },
);

function sourceOf(word: string | undefined, input: string | undefined): string {
  if (word !== undefined && input !== undefined)
    throw new VarveError("USAGE", "Cannot load: SOURCE is given twice", { hint: "Give it as a word, or with -i." });
  return word ?? input ?? "-";
}
