import { VarveError } from "../errors.js";
import { isBlobDigest, type BlobDigest } from "../model/image.js";
import type { OpenedImage, SourceLayer } from "../ports/images.js";

/** One entry of an image's history, with the layer that it made. */
export interface ImageStep {
  readonly history: Readonly<Record<string, unknown>> | undefined;
  readonly layer: { readonly diffId: BlobDigest; readonly source: SourceLayer } | undefined;
  /** The config as far as this step: what a registry would have had when the image ended here. Of the last step, the image's own. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Docker refuses more. */
const MOST_STEPS = 2000;
/** What a commit keeps of its entry has a limit, too. */
const LONGEST_ENTRY = 100_000;
const MOST_HISTORY = 1e9;

/**
 * The commits that an image becomes, the oldest first: one for each entry of its history, and without a history one for each layer.
 * @throws VarveError SOURCE_INVALID when config, manifest and history do not agree.
 */
export function imageSteps({ config: { value: config }, layers }: OpenedImage): readonly ImageStep[] {
  const diffIds = diffIdsOf(config);
  if (diffIds.length !== layers.length)
    throw invalid(`its config has ${diffIds.length} DiffIDs, its manifest ${layers.length} layers`);
  const history = historyOf(config);
  const filled = history.filter(({ empty_layer: isEmpty }) => isEmpty !== true).length;
  if (history.length > 0 && filled !== layers.length)
    throw invalid(`its history tells of ${filled} layers, and it has ${layers.length}`);
  const entries: readonly (Readonly<Record<string, unknown>> | undefined)[] =
    history.length > 0 ? history : layers.map(() => undefined);
  let used = 0;
  return entries.map((entry, index) => {
    const source = entry?.["empty_layer"] === true ? undefined : layers[used];
    const diffId = diffIds[used];
    if (source !== undefined) used += 1;
    return {
      history: entry,
      layer: source && diffId && { diffId, source },
      config: index === entries.length - 1 ? config : partOf(config, diffIds.slice(0, used), history.slice(0, index + 1)),
    };
  });
}

function diffIdsOf(config: Readonly<Record<string, unknown>>): readonly BlobDigest[] {
  const { type, diff_ids: diffIds } = objectAt(config, "rootfs");
  if (type !== "layers") throw invalid('the "rootfs" of its config is not of the type "layers"');
  if (!Array.isArray(diffIds) || !diffIds.every(isBlobDigest))
    throw invalid("the DiffIDs of its config are no list of SHA-256 digests");
  return diffIds;
}

function historyOf(config: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const { history } = config;
  if (history === undefined || history === null) return [];
  if (!Array.isArray(history) || history.length > MOST_STEPS || !history.every(isObject))
    throw invalid(`the history of its config is no list of at most ${MOST_STEPS} entries`);
  const lengths = history.map((entry) => JSON.stringify(entry).length);
  const longest = Math.max(0, ...lengths);
  if (longest > LONGEST_ENTRY)
    throw invalid(`an entry of its history has ${longest} characters, expected at most ${LONGEST_ENTRY}`);
  // Each step keeps the history as far as it.
  const all = lengths.reduce((sum, length) => sum + length, 0) * history.length;
  if (all > MOST_HISTORY)
    throw invalid(`its history has ${history.length} entries of ${all / history.length} characters together, which is too much`);
  return history;
}

/** Images that share their first layers have these commits in common, whatever they are configured to run. */
function partOf(
  { os, architecture, variant }: Readonly<Record<string, unknown>>,
  diffIds: readonly BlobDigest[],
  history: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, unknown>> {
  return {
    ...(architecture !== undefined && { architecture }),
    ...(os !== undefined && { os }),
    ...(variant !== undefined && { variant }),
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(history.length > 0 && { history }),
  };
}

function objectAt(value: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  const found = value[key];
  if (isObject(found)) return found;
  throw invalid(`its config has no "${key}"`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the image: ${state}`, {
    hint: "The image is damaged or was made to do harm. Save it again, or take it from its source again.",
  });
}
