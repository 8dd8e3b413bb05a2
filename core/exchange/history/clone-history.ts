import { VarveError } from "../../errors.js";
import type { Commit } from "../../model/commit.js";
import type { ImageReference } from "../../model/image.js";
import type { RefName } from "../../model/ids.js";
import { isMove, moveRefs } from "../../operations/record-operation.js";
import type { OpenedHistory } from "../../ports/histories.js";
import type { RefUpdate } from "../../ports/history.js";
import type { ImageSource, OpenedImages } from "../../ports/images.js";
import type { RegistryOptions } from "../../ports/registries.js";
import type { Repository } from "../../ports/repository.js";
import { BRANCHES, branchRef, imageRef } from "../../revision/ref-names.js";
import { storedName } from "../image-names.js";
import { bringHistory, type BringOptions } from "./bring-history.js";
import { bringImageHistory } from "./bring-image-history.js";
import { fillClone } from "./fill-clone.js";

export type CloneSource =
  | { readonly kind: "file"; readonly source: ImageSource }
  | ({ readonly kind: "image"; readonly reference: ImageReference; readonly written: string } & RegistryOptions);

export interface CloneOptions extends BringOptions {
  readonly command: string;
  /** The branch to stand on; by default the one that the source stands on. */
  readonly branch?: string | undefined;
}

export interface ClonedHistory {
  readonly head: RefName;
  readonly commit: Commit;
  readonly branches: number;
  readonly commits: number;
  readonly layers: number;
  readonly bytes: number;
}

const USUAL_BRANCH = "refs/heads/main";

/**
 * Fills an empty store with a history, and its tracked directory, if it has one, with the files of the branch that it then stands on. One that was killed is
 * gone on with.
 * @throws VarveError What `bringHistory` and `requireSameImage` throw; IMAGE_UNKNOWN, SOURCE_MISSING for an image without a history; REVISION_UNKNOWN for a
 *   branch that it has not; PERMISSION when files can't be given to their owners; DESTINATION_NOT_EMPTY when somebody has worked there since.
 */
export async function cloneHistory(repository: Repository, from: CloneSource, options: CloneOptions): Promise<ClonedHistory> {
  return repository.exclusively(async () => {
    await requireUnused(repository);
    const opened = await open(repository, from);
    try {
      const { history } = opened;
      if (history === undefined) throw noHistory(from);
      const [image] = opened.images;
      const brought =
        image === undefined
          ? await bringHistory(repository, history, options)
          : (await bringImageHistory(repository, image, history, options)).brought;
      const head = headBranch(history, options.branch);
      const commit = await setRefs(repository, history, head, from, options.command);
      await fillClone(repository, commit);
      const { commits, layers, bytes } = brought;
      const branches = history.refs.filter(({ name }) => name.startsWith(BRANCHES)).length;
      return { head: head.name, commit, branches: Math.max(branches, 1), commits: commits.length, layers, bytes };
    } finally {
      opened.close();
    }
  });
}

async function open({ images, registries }: Repository, from: CloneSource): Promise<OpenedImages> {
  if (from.kind === "file") return images.open(from.source, {});
  return registries.open(from.reference, { insecure: from.insecure, onSetback: from.onSetback, history: true });
}

interface HeadBranch {
  readonly name: RefName;
  readonly commit: Commit["id"];
}

/** As git: the branch that stands where HEAD does, `main` before others. Where HEAD is on none a branch is made there. */
function headBranch({ refs }: OpenedHistory, wanted: string | undefined): HeadBranch {
  const branches = refs.filter((ref): ref is typeof ref & HeadBranch => ref.name.startsWith(BRANCHES));
  if (wanted !== undefined) {
    const found = branches.find(({ name }) => name === branchRef(wanted));
    if (found !== undefined) return found;
    throw new VarveError("REVISION_UNKNOWN", `Cannot stand on branch "${wanted}": the history has none of that name`, {
      hint:
        branches.length === 0
          ? "It has no branches."
          : `It has: ${branches.map(({ name }) => name.slice(BRANCHES.length)).join(", ")}`,
    });
  }
  const at = refs.find(({ name }) => name === "HEAD")?.commit;
  const candidates = at === undefined ? branches : branches.filter(({ commit }) => commit === at);
  const usual = candidates.find(({ name }) => name === USUAL_BRANCH) ?? candidates[0];
  return usual ?? { name: USUAL_BRANCH as RefName, commit: at ?? refs[0]!.commit };
}

async function setRefs(
  repository: Repository,
  { refs }: OpenedHistory,
  head: HeadBranch,
  from: CloneSource,
  command: string,
): Promise<Commit> {
  const { history } = repository;
  const tip = refs.find(({ name }) => name === "HEAD")?.commit;
  const named = refs.flatMap(({ name, commit, tag }) => (name === "HEAD" ? [] : [{ name, after: commit, afterTag: tag }]));
  const wanted = new Map<RefName, Pick<RefUpdate, "name" | "after" | "afterTag">>(named.map((ref) => [ref.name, ref]));
  if (!wanted.has(head.name)) wanted.set(head.name, { name: head.name, after: head.commit });
  if (from.kind === "image" && tip !== undefined) {
    const name = imageRef(storedName(from.written));
    wanted.set(name, { name, after: tip });
  }
  // Those of a clone that was killed, of what the source was then.
  for (const { name } of await history.listRefs("refs/")) if (!wanted.has(name)) wanted.set(name, { name, after: undefined });
  const updates: RefUpdate[] = [];
  for (const ref of wanted.values()) updates.push({ ...ref, ...(await standing(repository, ref.name)) });
  const before = await history.head();
  const move = before === head.name ? {} : { head: { before, after: head.name } };
  // No operation: with a clone a store begins, as with git's, and `undo` has nothing to go back to.
  await moveRefs(repository, { refs: updates.filter(isMove), ...move }, command);
  return history.readCommit(head.commit);
}

async function standing({ history }: Repository, name: RefName): Promise<Pick<RefUpdate, "before" | "beforeTag">> {
  return { before: await history.readRef(name), beforeTag: (await history.readTag(name))?.id };
}

/** Whoever has worked in a clone that was killed has made it theirs. */
async function requireUnused({ operations, containers, path }: Repository): Promise<void> {
  for await (const _ of operations.list()) throw used(path);
  if (containers.list().length > 0) throw used(path);
}

function used(path: string): VarveError {
  return new VarveError(
    "DESTINATION_NOT_EMPTY",
    `Cannot go on with the clone "${path}": somebody has worked in it since it was stopped`,
    {
      path,
      hint: "Clone into another place.",
    },
  );
}

function noHistory(from: CloneSource): VarveError {
  if (from.kind === "file")
    return new VarveError("SOURCE_INVALID", "Cannot clone: the file holds images, and no history", {
      hint: "Take images in with varve load.",
    });
  return new VarveError("SOURCE_MISSING", `Cannot clone "${from.written}": no history came with the image`, {
    hint: `It was not pushed by varve, or with --no-history. Take the image: varve pull ${from.written} -b BRANCH`,
  });
}
