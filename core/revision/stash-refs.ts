import type { Ref } from "../model/commit.js";
import type { History } from "../ports/history.js";
import { STASHES } from "./ref-names.js";

/** What is stashed, newest first. */
export async function stashRefs(history: History): Promise<readonly Ref[]> {
  return [...(await history.listRefs(STASHES))].reverse();
}

/** As in git. @param number 0 is the newest. */
export function stashName(number: number): string {
  return `stash@{${number}}`;
}
