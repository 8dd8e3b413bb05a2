import { VarveError } from "../../core/errors.js";
import { splitStoredName, storedName } from "../../core/exchange/image-names.js";
import { listImages, type NamedImage } from "../../core/exchange/list-images.js";
import { parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import { hexOf } from "../../core/model/image.js";
import { namePattern } from "../../core/revision/name-pattern.js";
import { command, type Command, type Session } from "../command.js";
import { REGISTRY_OPTIONS } from "../image-options.js";
import { openRepository, REGISTRIES } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { readableBytes } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";
import { isoTime, readableTime } from "../render/timestamps.js";

const ID_DIGITS = 12;
/** Of a commit that came from no image, and would get an id when it goes out. */
const NO_ID = "–";
/** Docker's word for what was pulled by its digest. */
const NO_TAG = "<none>";

const options = {
  quiet: { type: "boolean", alias: "q", describe: "Print commits' ids alone" },
  remote: { type: "boolean", describe: "List the tags that the repository NAME has at its registry" },
  digests: { type: "boolean", describe: "Show the digest of each image's manifest, where it came with one" },
  ...REGISTRY_OPTIONS,
} as const;

export const imagesCommand: Command = command(
  {
    name: "images",
    form: "[NAME]",
    summary: "List image references: what was loaded, pulled or tagged so",
    description: `Lists image references, such as debian:12, each with the image's id, where it came from an image, its commit, the commit's time and
what its layers take in this store. NAME is a repository (debian) or a pattern ('team/*'). A reference is a revision: "varve log debian:12",
"varve run debian:12 -- sh"; without a tag it means latest. So is an image's id, or its first digits. Branches and tags are listed by "varve branch" and "varve tag". With --remote the
registry is asked what tags it has; NAME may be a REPOSITORY, or a REFERENCE for that tag alone.`,
    words: [{ name: "NAME", required: false }],
    options,
    examples: [
      ["varve images", "all of them"],
      ["varve images 'team/*'", "some"],
      ["varve images --remote localhost:5000/team/web", "tags of a registry, with their digests"],
    ],
  },
  async ({ words: [pattern], options: { quiet, digests, remote, insecure }, session }) => {
    const { terminal, json } = session;
    if (remote) return listRemote(session, pattern, { quiet, insecure: new Set(insecure) });
    const repository = await openRepository(session);
    const fits = pattern === undefined ? () => true : nameFilter(pattern);
    const images = (await listImages(repository)).filter(({ reference }) => fits(reference));
    if (json) return printJsonArray(terminal, images.map(imageJson));
    if (quiet) return terminal.print(images.map(({ commit }) => `${commit.id}\n`).join(""));
    const heads = ["REPOSITORY", "TAG", ...(digests ? ["DIGEST"] : []), "IMAGE ID", "COMMIT", "CREATED", "STORED"];
    terminal.print(textTable([heads, ...images.map((image) => row(image, digests))]));
  },
);

async function listRemote(
  { terminal, json }: Session,
  name: string | undefined,
  { quiet, insecure }: { readonly quiet: boolean; readonly insecure: ReadonlySet<string> },
): Promise<void> {
  if (name === undefined)
    throw new VarveError("USAGE", "Cannot list the tags of a registry: NAME is missing", {
      hint: "Name a repository, such as localhost:5000/team/web.",
    });
  const reference = parseImageReference(name);
  const repository = shortImageName({ ...reference, tag: undefined, digest: undefined });
  const isOne = /[:@][^/]*$/.test(name);
  const tags = (await REGISTRIES.tags(reference, { insecure })).filter(
    ({ tag, digest }) => !isOne || digest === reference.digest || (reference.digest === undefined && tag === reference.tag),
  );
  if (isOne && tags.length === 0)
    throw new VarveError("IMAGE_UNKNOWN", `Cannot find ${JSON.stringify(name)}: ${repository} has no such tag`);
  if (json)
    return printJsonArray(
      terminal,
      tags.map(({ tag, digest }) => ({ reference: `${repository}:${tag}`, manifest: digest })),
    );
  if (quiet) return terminal.print(tags.map(({ tag }) => `${repository}:${tag}\n`).join(""));
  terminal.print(textTable([["REPOSITORY", "TAG", "DIGEST"], ...tags.map(({ tag, digest }) => [repository, tag, digest])]));
}

/** As docker: a name without a tag is all of the repository. */
function nameFilter(pattern: string): (reference: string) => boolean {
  const fits = namePattern(pattern);
  return (reference) => fits(reference) || fits(splitStoredName(reference).repository) || reference === nameOr(pattern);
}

function nameOr(pattern: string): string {
  try {
    return storedName(pattern);
  } catch {
    return pattern;
  }
}

function row({ reference, commit, storedBytes }: NamedImage, digests: boolean): readonly string[] {
  const { repository, tag = NO_TAG } = splitStoredName(reference);
  const { config, manifest } = commit.image ?? {};
  return [
    printableLine(repository),
    printableLine(tag),
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
