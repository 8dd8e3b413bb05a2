import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { repositoryAt } from "../../cli/open-repository.js";
import { makeBundle } from "../../core/exchange/history/make-bundle.js";
import { takeHistory, type TakenHistory } from "../../core/exchange/history/take-history.js";
import { commitTree } from "../../core/layers/commit-tree.js";
import { checkStore, type StoreCheck } from "../../core/maintenance/check-store.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { openCommitTree } from "../../core/operations/targets.js";
import type { OpenedHistory } from "../../core/ports/histories.js";
import type { OpenedImages } from "../../core/ports/images.js";
import type { Repository } from "../../core/ports/repository.js";
import { initStore } from "../../store/init-store.js";
import { openChecks } from "../../store/maintenance/check-parts.js";
import { storeLayout } from "../../store/store-layout.js";
import type { DescribedEntry } from "../contracts/described-tree.js";
import { memoryTree } from "./memory-tree.js";
import { temporaryDirectory } from "./temporary-directory.js";

/** A shared store, opened. */
export async function emptyRepository(t: ExecutionContext): Promise<Repository> {
  return repositoryAt(initStore(path.join(temporaryDirectory(t), "store")));
}

/** A commit of a tree; no ref leads there. @param parents The first one is what the layer stands on. */
export async function commitDescribed(
  repository: Repository,
  entries: readonly DescribedEntry[],
  parents: readonly CommitId[] = [],
  message = "a commit",
): Promise<CommitId> {
  const [parent, ...otherParents] = parents;
  const base = await openCommitTree(repository, parent);
  try {
    const target = async (): Promise<ReturnType<typeof memoryTree>> => memoryTree(entries);
    return (await commitTree(repository, { parent, base, target, otherParents, message, allowEmpty: true }))!.id;
  } finally {
    base.close();
  }
}

export async function setBranch({ history }: Repository, name: string, commit: CommitId): Promise<void> {
  const ref = `refs/heads/${name}` as RefName;
  await history.updateRefs([{ name: ref, before: await history.readRef(ref), after: commit }]);
}

/** Writes a bundle. @param words As of the command; none for all refs. @returns Its file. */
export async function bundleTo(t: ExecutionContext, repository: Repository, words: readonly string[] = []): Promise<string> {
  const file = path.join(temporaryDirectory(t), "bundle");
  const { history } = await makeBundle(repository, words, words.length === 0);
  const fd = openSync(file, "wx");
  try {
    await repository.images.writeHistory(history, async (chunk) => void writeSync(fd, chunk));
  } finally {
    closeSync(fd);
    history.close();
  }
  return file;
}

export async function openBundle(
  { images }: Repository,
  file: string,
): Promise<OpenedImages & { readonly history: OpenedHistory }> {
  const stream = (async function* () {
    yield readFileSync(file);
  })();
  const opened = await images.open({ kind: "archive", name: file, path: file, stream }, {});
  if (opened.history === undefined) throw new TypeError("no history");
  return { ...opened, history: opened.history };
}

/** Takes a bundle in. @param change Of what was opened, for histories that do harm. */
export async function takeBundle(
  repository: Repository,
  file: string,
  change: (history: OpenedHistory) => OpenedHistory | Promise<OpenedHistory> = (history) => history,
  force = false,
): Promise<TakenHistory> {
  return repository.exclusively(async () => {
    const opened = await openBundle(repository, file);
    try {
      return await takeHistory(repository, await change(opened.history), { command: "load bundle", force });
    } finally {
      opened.close();
    }
  });
}

export async function fsck(repository: Repository): Promise<StoreCheck["findings"]> {
  const layout = storeLayout(repository.path);
  const fresh = await repositoryAt(layout);
  return (await checkStore(fresh, openChecks(layout), { quick: false, repair: false, observe: () => undefined })).findings;
}
