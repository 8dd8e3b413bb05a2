import { fstatSync, writeSync } from "node:fs";
import { VarveError } from "../core/errors.js";

const STDOUT = 1;
const STDERR = 2;
/** The major number of /dev/null and its kin, in the kernel's Documentation/admin-guide/devices.txt. */
const MEMORY_DEVICES = 1;

/** Thrown when the reader of stdout went away (`varve log | head`): the program ends quietly. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

export const COLOUR_CHOICES = ["always", "auto", "never"] as const;
export type ColourChoice = (typeof COLOUR_CHOICES)[number];

export type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

/** Where commands write: data on stdout, talk on stderr. */
export interface Terminal {
  /** Data, as it is. */
  readonly print: (text: string) => void;
  /** Data that is no text. */
  readonly write: (bytes: Uint8Array) => void;
  /** Data of another program's stderr, as it is. */
  readonly writeError: (bytes: Uint8Array) => void;
  /** Talk: what was done and what to do next. Nothing with --quiet. */
  readonly say: (text: string) => void;
  /** Talk that --quiet keeps: warnings and failures. */
  readonly complain: (text: string) => void;
  /** A line, or some, that the next replace; an empty one ends it. Nothing unless stderr is a terminal. */
  readonly progress: (text: string) => void;
  /** For stdout: the text in that style, or as it is when there is no colour. */
  readonly paint: (style: Style, text: string) => string;
  /** Has stdout be coloured always, never, or as its surroundings want it. */
  readonly colour: (when: ColourChoice) => void;
  /** Whether a person reads stdout. */
  readonly interactive: boolean;
  /** Has data go to another descriptor from the first of it on, and holds back talk, which would be written across it. */
  readonly page: (start: () => number | undefined) => void;
  /** Ends that, and gives the talk. @returns Whether any data had gone there. */
  readonly unpage: () => boolean;
}

export interface TerminalOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly isTerminal: (descriptor: number) => boolean;
}

const CODES: Readonly<Record<Style, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 };

/** @see https://no-color.org for NO_COLOR: any value but the empty one switches colour off. */
export function openTerminal({ environment, isTerminal }: TerminalOptions): Terminal {
  const interactive = isTerminal(STDOUT);
  const wanted = interactive && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  let isColoured = wanted;
  const talks = isTerminal(STDERR);
  let shownLines = 0;
  let output = STDOUT;
  let startPaging: (() => number | undefined) | undefined;
  let held: string[] = [];

  const clearProgress = (): void => {
    if (shownLines > 0) writeAll(STDERR, `\r\u001b[K${"\u001b[A\u001b[K".repeat(shownLines - 1)}`);
    shownLines = 0;
  };
  const talk = (text: string): void => {
    if (output !== STDOUT && talks) {
      held.push(text);
      return;
    }
    clearProgress();
    writeAll(STDERR, text);
  };
  const data = (bytes: string | Uint8Array): void => {
    if (bytes.length === 0) return;
    clearProgress();
    output = startPaging?.() ?? output;
    startPaging = undefined;
    writeAll(output, bytes);
  };
  return {
    interactive,
    print: data,
    write: data,
    writeError: (bytes) => {
      clearProgress();
      writeAll(STDERR, bytes);
    },
    say: (text) => talk(`${text}\n`),
    complain: talk,
    progress: (text) => {
      if (!talks || output !== STDOUT) return;
      clearProgress();
      // Several lines are taken away by going up: none of them may wrap.
      writeAll(STDERR, text.includes("\n") ? `\u001b[?7l${text}\u001b[?7h` : text);
      shownLines = text === "" ? 0 : text.split("\n").length;
    },
    page: (start) => void (startPaging = start),
    unpage: () => {
      const wasPaged = output !== STDOUT;
      [output, startPaging] = [STDOUT, undefined];
      for (const text of held) talk(text);
      held = [];
      return wasPaged;
    },
    colour: (when) => void (isColoured = when === "auto" ? wanted : when === "always"),
    paint: (style, text) => (isColoured ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text),
  };
}

/** With --quiet. */
export function quietTerminal(terminal: Terminal): Terminal {
  return { ...terminal, say: () => undefined, progress: () => undefined };
}

/** Asks for the file's type first: `node:tty` brings the network modules with it, and most calls have no terminal. */
export async function terminalTest(): Promise<(descriptor: number) => boolean> {
  if (!mayBeTerminal(STDOUT) && !mayBeTerminal(STDERR)) return () => false;
  const { isatty } = await import("node:tty");
  return isatty;
}

function mayBeTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isCharacterDevice() && stat.rdev >> 8 !== MEMORY_DEVICES;
  } catch {
    return false; // closed by who called us
  }
}

/**
 * Synchronous: nothing is lost when the process ends, and an exhausted pipe holds us back.
 * `process.stdout` would load streams and network modules at each start.
 */
function writeAll(descriptor: number, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written, bytes.length - written);
    } catch (error) {
      if (!waitOrGiveUp(descriptor, (error as NodeJS.ErrnoException).code, error)) return;
    }
  }
}

const clock = new Int32Array(new SharedArrayBuffer(4));

/** @returns Whether to write on. */
function waitOrGiveUp(descriptor: number, code: string | undefined, error: unknown): boolean {
  if (code === "EAGAIN") {
    Atomics.wait(clock, 0, 0, 5); // another process made the pipe non-blocking, and it is full
    return true;
  }
  if (descriptor === STDERR) return false; // talk that nobody hears stops no work
  if (code === "EPIPE" || code === "EBADF") throw new OutputClosed("the reader of stdout went away", { cause: error });
  if (code === "ENOSPC")
    throw new VarveError("DISK_FULL", "Cannot write to stdout: no space left on the device", { cause: error });
  throw error;
}
