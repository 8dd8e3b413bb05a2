import { storedName } from "../../core/exchange/image-names.js";
import { listImages, type NamedImage } from "../../core/exchange/list-images.js";
import { hexOf } from "../../core/model/image.js";
import { namePattern } from "../../core/revision/name-pattern.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { readableBytes } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";
import { isoTime, readableTime } from "../render/timestamps.js";

const ID_DIGITS = 12;
/** Of a commit that came from no image, and would get an id when it goes out. */
const NO_ID = "–";

const options = {
  quiet: { type: "boolean", alias: "q", describe: "Print commits' ids alone" },
  digests: { type: "boolean", describe: "Show the digest of each image's manifest, where it came with one" },
} as const;

export const imagesCommand: Command = command(
  {
    name: "images",
    form: "[NAME]",
    summary: "List image references: what was loaded, pulled or tagged so",
    description: `Lists image references, such as debian:12, each with the image's id, where it came from an image, its commit, the commit's time and
what its layers take in this store. NAME is a repository (debian) or a pattern ('team/*'). A reference is a revision: "varve log debian:12",
"varve run debian:12 -- sh"; without a tag it means latest. Branches and tags are listed by "varve branch" and "varve tag".`,
    words: [{ name: "NAME", required: false }],
    options,
    examples: [
      ["varve images", "all of them"],
      ["varve images 'team/*'", "some"],
    ],
  },
  async ({ words: [pattern], options: { quiet, digests }, session }) => {
    const { terminal, json } = session;
    const repository = await openRepository(session);
    const fits = pattern === undefined ? () => true : nameFilter(pattern);
    const images = (await listImages(repository)).filter(({ reference }) => fits(reference));
    if (json) return printJsonArray(terminal, images.map(imageJson));
    if (quiet) return terminal.print(images.map(({ commit }) => `${commit.id}\n`).join(""));
    const heads = ["REPOSITORY", "TAG", ...(digests ? ["DIGEST"] : []), "IMAGE ID", "COMMIT", "CREATED", "STORED"];
    terminal.print(textTable([heads, ...images.map((image) => row(image, digests))]));
  },
);

/** As docker: a name without a tag is all of the repository. */
function nameFilter(pattern: string): (reference: string) => boolean {
  const fits = namePattern(pattern);
  return (reference) => fits(reference) || fits(reference.slice(0, reference.lastIndexOf(":"))) || reference === nameOr(pattern);
}

function nameOr(pattern: string): string {
  try {
    return storedName(pattern);
  } catch {
    return pattern;
  }
}

function row({ reference, commit, storedBytes }: NamedImage, digests: boolean): readonly string[] {
  const colon = reference.lastIndexOf(":");
  const { config, manifest } = commit.image ?? {};
  return [
    printableLine(reference.slice(0, colon)),
    printableLine(reference.slice(colon + 1)),
    ...(digests ? [manifest?.digest ?? NO_ID] : []),
    config === undefined ? NO_ID : hexOf(config.digest).slice(0, ID_DIGITS),
    commit.id.slice(0, ID_DIGITS),
    readableTime(commit.author),
    readableBytes(storedBytes),
  ];
}

function imageJson({ reference, commit, storedBytes }: NamedImage): Record<string, unknown> {
  const { id, tree, author, image } = commit;
  return {
    reference,
    image: image?.config?.digest ?? null,
    manifest: image?.manifest?.digest ?? null,
    commit: id,
    tree,
    created: isoTime(author),
    storedBytes,
  };
}
