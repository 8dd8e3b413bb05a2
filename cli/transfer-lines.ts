import type { Setback, TransferEvent } from "../core/ports/registries.js";
import { printableLine } from "./printable.js";
import { counted, readableBytes } from "./render/quantities.js";
import type { Terminal } from "./terminal.js";

const INTERVAL_MILLISECONDS = 100;
const LEAST_TOLD_MILLISECONDS = 1000;
/** As docker and git show ids. */
const SHOWN_DIGITS = 12;

export interface TransferLines {
  /** Takes what becomes of each blob. */
  readonly onTransfer: (event: TransferEvent) => void;
  /** A line below those of transfers; an empty one takes it away. */
  readonly note: (text: string) => void;
  /** Takes all lines away that are not for good. */
  readonly end: () => void;
}

/** What is said of a blob once nothing more comes of it, and how it is said to move. */
export interface TransferWords {
  readonly moving: string;
  readonly done: string;
  readonly there: string;
}

export const PULL_WORDS: TransferWords = { moving: "Downloading", done: "Downloaded", there: "Already exists" };
export const PUSH_WORDS: TransferWords = { moving: "Uploading", done: "Pushed", there: "Layer already exists" };

/** Says why a registry is waited for, when that takes longer than a person thinks nothing of. */
export function tellSetbacks(terminal: Terminal): (setback: Setback) => void {
  return ({ reason, milliseconds }) => {
    if (milliseconds < LEAST_TOLD_MILLISECONDS) return;
    terminal.say(`${printableLine(reason)}; trying again in ${counted(Math.round(milliseconds / 1000), "second")}`);
  };
}

/** A line for each transfer that is under way, on a terminal only, and one for each that has ended, which stays. */
export function showTransfers(terminal: Terminal, words: TransferWords): TransferLines {
  const moving = new Map<string, string>();
  let note = "";
  let next = performance.now() + INTERVAL_MILLISECONDS;
  const draw = (): void => terminal.progress([...moving.values(), ...(note === "" ? [] : [note])].join("\n"));
  const drawAtTimes = (): void => {
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    draw();
  };
  return {
    onTransfer: (event) => {
      const name = printableLine(event.digest.replace(/^[a-z0-9]+:/, "").slice(0, SHOWN_DIGITS));
      if (event.state === "moving") {
        moving.set(event.digest, `${name}: ${words.moving} ${readableBytes(event.done)}/${readableBytes(event.size)}`);
        return drawAtTimes();
      }
      moving.delete(event.digest);
      terminal.say(`${name}: ${ending(event, words)}`);
      draw();
    },
    note: (text) => {
      note = text;
      drawAtTimes();
    },
    end: () => {
      moving.clear();
      note = "";
      terminal.progress("");
    },
  };
}

function ending({ state, size, from = "" }: TransferEvent, { done, there }: TransferWords): string {
  if (state === "mounted") return `Mounted from ${printableLine(from)}`;
  return state === "there" ? there : `${done} ${readableBytes(size)}`;
}
