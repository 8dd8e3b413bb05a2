import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type ExecutionContext } from "ava";
import type { CommitId, RefName } from "../../../../core/model/ids.js";
import { createRef } from "../../../../core/operations/branches.js";
import { rollbackTarget } from "../../../../core/operations/rollback-target.js";
import { statusOf } from "../../../../core/operations/status-of.js";
import { maintainedStore, type MaintainedStore } from "../../../helpers/maintained-store.js";

export const MAIN = "refs/heads/main" as RefName;
export const command = "test";

export interface Store extends MaintainedStore {
  put(name: string, text: string): void;
  read(name: string): string;
  commitFile(name: string, text: string): Promise<CommitId>;
  /** Puts the directory and its branch on a commit. */
  stand(commit: CommitId): Promise<void>;
  changes(): Promise<readonly string[]>;
  head(): Promise<CommitId>;
}

export const LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

export async function store(t: ExecutionContext): Promise<Store> {
  const made = await maintainedStore(t);
  const { repository, directory, target } = made;
  const at = (name: string): string => path.join(directory, name);
  const put = (name: string, text: string): void => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  return {
    ...made,
    put,
    read: (name) => readFileSync(at(name), "utf8"),
    commitFile: async (name, text) => {
      put(name, text);
      return made.commit(`${name}: ${text.split("\n", 1)[0] ?? ""}`);
    },
    stand: async (commit) => {
      (await rollbackTarget(repository, target, commit, { command })).close();
    },
    changes: async () =>
      (await statusOf(made.reopened(), target)).changes.map(({ status, path: changed }) => `${status} ${changed}`),
    head: async () => (await repository.history.readRef(MAIN))!,
  };
}

/** text with `first` as its first and `last` as its last line */
export function lines(first: string, last: string): string {
  return LINES.replace("one", first).replace("seven", last);
}

/** base, then `theirs` on a branch of that name, then `ours` on main: both change one text in other places. */
export async function parted(t: ExecutionContext): Promise<Store & Record<"base" | "theirs" | "added" | "ours", CommitId>> {
  const made = await store(t);
  const base = await made.commitFile("text", LINES);
  const theirs = await made.commitFile("text", lines("one", "THEIRS"));
  const added = await made.commitFile("new", "added");
  await createRef(made.repository, "refs/heads/theirs" as RefName, added, { command });
  await made.stand(base);
  const ours = await made.commitFile("text", lines("OURS", "seven"));
  return { ...made, base, theirs, added, ours };
}

/** Both changed the first line of `text`; `after` comes on theirs. */
export async function clashing(t: ExecutionContext): Promise<Store & Record<"base" | "theirs" | "after" | "ours", CommitId>> {
  const made = await store(t);
  const base = await made.commitFile("text", LINES);
  const theirs = await made.commitFile("text", lines("THEIRS", "seven"));
  const after = await made.commitFile("after", "after");
  await createRef(made.repository, "refs/heads/theirs" as RefName, after, { command });
  await made.stand(base);
  const ours = await made.commitFile("text", lines("OURS", "seven"));
  return { ...made, base, theirs, after, ours };
}
