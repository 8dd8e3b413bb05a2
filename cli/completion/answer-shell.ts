import { completeWords, type Completion } from "./complete-words.js";
import { findStoreNames } from "./store-names.js";

/** What `varve __complete WORD…` prints: what shells read, not people. */
export async function answerShell(words: readonly string[]): Promise<string> {
  return answerText(await completeWords(words, findStoreNames));
}

/** The first line says what the shell adds (`none`, `files`, `directories`) and whether the word goes on (`open`); then a candidate a line. */
export function answerText({ candidates, files, isOpen }: Completion): string {
  const head = isOpen ? `${files} open` : files;
  // A name that would be two lines can't be completed.
  const lines = candidates
    .filter(({ value }) => !/[\n\t]/.test(value))
    .map(({ value, description }) => `${value}\t${description}`);
  return `${[head, ...lines].join("\n")}\n`;
}
