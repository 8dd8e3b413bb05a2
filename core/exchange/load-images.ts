import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import { hexOf } from "../model/image.js";
import type { RefName } from "../model/ids.js";
import { nameTaken } from "../operations/branches.js";
import { recordOperation } from "../operations/record-operation.js";
import type { ImageReference } from "../model/image.js";
import type { ImageSource, OpenedImage, OpenedImages, OpenImageOptions } from "../ports/images.js";
import type { OpenedHistory } from "../ports/histories.js";
import type { PullOptions } from "../ports/registries.js";
import type { RefUpdate } from "../ports/history.js";
import type { Repository } from "../ports/repository.js";
import { imageRef } from "../revision/ref-names.js";
import { storedName } from "./image-names.js";
import type { BringOptions } from "./history/bring-history.js";
import { bringImageHistory } from "./history/bring-image-history.js";
import { takeHistory, type TakenHistory, type TakeOptions } from "./history/take-history.js";
import { importImage, type ImportImageOptions } from "./import-image.js";

export interface LoadOptions extends OpenImageOptions, ImportImageOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Gets the image in place of the names that the source gives it; then the source must hold one image. */
  readonly reference?: string | undefined;
  /** A branch that is made at the image, too; one image then. */
  readonly branch?: RefName | undefined;
}

export interface LoadedImage {
  /** As people write them. Of an image without a name, `sha256:` and the first digits of its id. */
  readonly references: readonly string[];
  readonly branch: RefName | undefined;
  readonly commit: Commit;
  /** Commits that the store did not have. */
  readonly added: number;
  readonly warnings: readonly string[];
  /** Whether these are the commits that the image was made of, and not commits that were made of the image. */
  readonly isHistory?: boolean | undefined;
}

const SHORT_DIGITS = 12;

/**
 * Brings the images of a source in, with their history, and names them: as one operation, which `undo` takes back.
 * @throws VarveError SOURCE_INVALID, SOURCE_MISSING, BAD_NAME, NAME_TAKEN; what `importImage` throws.
 */
export async function loadImages(
  repository: Repository,
  source: ImageSource,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  try {
    return await bringIn(repository, () => repository.images.open(source, options), options);
  } catch (error) {
    throw atSource(error, source);
  }
}

/** What a source held: images, or a history. */
export type Loaded =
  | { readonly kind: "images"; readonly images: readonly LoadedImage[] }
  | { readonly kind: "history"; readonly history: TakenHistory };

/**
 * Brings in what a source holds: images as `loadImages` does, or a history with its branches and tags.
 * @throws VarveError As `loadImages` and `takeHistory`; USAGE for options that are about images, and a history.
 */
export async function load(
  repository: Repository,
  source: ImageSource,
  options: LoadOptions & Pick<TakeOptions, "force" | "onLayer">,
): Promise<Loaded> {
  try {
    return await repository.exclusively(async () => {
      const opened = await repository.images.open(source, options);
      try {
        if (opened.history === undefined) return { kind: "images", images: await bringInOpened(repository, opened, options) };
        if ((options.reference ?? options.branch ?? options.image) !== undefined) throw noImage();
        return { kind: "history", history: await takeHistory(repository, opened.history, options) };
      } finally {
        opened.close();
      }
    });
  } catch (error) {
    throw atSource(error, source);
  }
}

function noImage(): VarveError {
  return new VarveError("USAGE", "Cannot name the image: the source holds a history, with branches of its own", {
    hint: "Leave out --name, --branch and --image. Make a branch afterwards: varve branch NAME REV",
  });
}

/**
 * The same for an image of a registry. Layers that the store has are not asked for.
 * @throws VarveError IMAGE_UNKNOWN, REGISTRY_UNREACHABLE, REGISTRY_DENIED, REGISTRY_INVALID; what `loadImages` throws.
 */
export async function pullImage(
  repository: Repository,
  reference: ImageReference,
  options: LoadOptions & PullOptions & BringOptions,
): Promise<LoadedImage> {
  return repository.exclusively(async () => {
    const opened = await repository.registries.open(reference, options);
    try {
      const { history } = opened;
      const [image] = opened.images;
      forPlatform(opened.images, options.platform);
      if (history !== undefined && image !== undefined) return await bringInHistory(repository, image, history, options);
      const [loaded] = await bringInOpened(repository, opened, options);
      return loaded!;
    } finally {
      opened.close();
    }
  });
}

/** The commits that the image was made of, in place of commits that are made of the image. Branches stay as they are: names from elsewhere are proposals. */
async function bringInHistory(
  repository: Repository,
  image: OpenedImage,
  opened: OpenedHistory,
  options: LoadOptions & BringOptions,
): Promise<LoadedImage> {
  const references = namesOf(image, options.reference);
  await requireNewBranch(repository, options.branch);
  const { commit, added } = await bringImageHistory(repository, image, opened, options);
  const loaded = { references, branch: options.branch, commit, added: added.length, warnings: [], isHistory: true };
  await recordOperation(repository, { command: options.command, refs: await moves(repository, [loaded]), trees: [] });
  return loaded;
}

const ANOTHER_BRANCH = "Name another branch, or leave -b out, and move it afterwards: varve branch -f BRANCH IMAGE";

async function requireNewBranch({ history }: Repository, branch: RefName | undefined): Promise<void> {
  const taken = branch && (await history.readRef(branch));
  if (branch !== undefined && taken !== undefined) throw nameTaken(branch, taken, ANOTHER_BRANCH);
}

async function bringIn(
  repository: Repository,
  open: () => Promise<OpenedImages>,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  return repository.exclusively(async () => {
    const opened = await open();
    try {
      return await bringInOpened(repository, opened, options);
    } finally {
      opened.close();
    }
  });
}

async function bringInOpened(
  repository: Repository,
  opened: OpenedImages,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const images = forPlatform(opened.images, options.platform);
  if (images.length > 1 && (options.reference ?? options.branch) !== undefined) throw severalImages(images);
  const named = images.map((image) => ({ image, references: namesOf(image, options.reference) }));
  await requireNewBranch(repository, options.branch);
  const loaded: LoadedImage[] = [];
  for (const { image, references } of named) {
    const imported = await importImage(repository, image, options);
    loaded.push({ ...imported, references, branch: options.branch });
  }
  await recordOperation(repository, { command: options.command, refs: await moves(repository, loaded), trees: [] });
  return loaded;
}

const MOST_SHOWN = 10;

/** An image that no index has chosen by its platform tells by its config what it is for. @throws VarveError SOURCE_MISSING when none is for it. */
function forPlatform(images: readonly OpenedImage[], platform: string | undefined): readonly OpenedImage[] {
  if (platform === undefined) return images;
  const fit = images.filter(({ config }) => isFor(config.value, platform));
  if (fit.length > 0 || images.length === 0) return fit;
  const has = images.map(({ config: { value } }) =>
    [value["os"], value["architecture"], value["variant"]].filter(Boolean).join("/"),
  );
  throw new VarveError("SOURCE_MISSING", `Cannot find an image for ${platform}: there is none`, {
    hint: `It has: ${[...new Set(has)].slice(0, MOST_SHOWN).join(", ")}`,
  });
}

/** What does not say is for any. */
function isFor({ os, architecture, variant }: Readonly<Record<string, unknown>>, platform: string): boolean {
  const [wantedOs, wantedArchitecture, wantedVariant] = platform.split("/");
  const isSame = (own: unknown, wanted: string | undefined): boolean =>
    own === undefined || own === "" || wanted === undefined || own === wanted;
  return isSame(os, wantedOs) && isSame(architecture, wantedArchitecture) && isSame(variant, wantedVariant);
}

/** What is wrong with an image is told without where it came from: its layers may come through a registry, too. */
function atSource(error: unknown, source: ImageSource): unknown {
  if (!(error instanceof VarveError) || error.code !== "SOURCE_INVALID" || error.path !== undefined) return error;
  const { code, message, hint } = error;
  return new VarveError(code, message, { path: source.kind === "directory" ? source.path : source.name, hint, cause: error });
}

/** The last of several images of one name has it, as in docker. */
async function moves({ history }: Repository, loaded: readonly LoadedImage[]): Promise<readonly RefUpdate[]> {
  const after = new Map<RefName, Commit>();
  for (const { references, branch, commit } of loaded) {
    for (const reference of references) after.set(imageRef(reference), commit);
    if (branch !== undefined) after.set(branch, commit);
  }
  return Promise.all([...after].map(async ([name, { id }]) => ({ name, before: await history.readRef(name), after: id })));
}

function namesOf({ references, config }: OpenedImage, wanted: string | undefined): readonly string[] {
  const names = (wanted === undefined ? references : [wanted]).map((name) => storedName(name));
  return names.length > 0 ? [...new Set(names)] : [`sha256:${hexOf(config.record.digest).slice(0, SHORT_DIGITS)}`];
}

function severalImages(images: readonly OpenedImage[]): VarveError {
  return new VarveError("USAGE", `Cannot name the image: the source holds ${images.length}`, {
    hint: `Choose one with --image: ${images
      .flatMap(({ references }) => references)
      .slice(0, 10)
      .join(", ")}`,
  });
}
