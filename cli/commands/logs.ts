import { VarveError } from "../../core/errors.js";
import type { LogPiece } from "../../core/ports/containers.js";
import { command, type Command, type Session } from "../command.js";
import { logTimeOf } from "../log-time.js";
import { openRepository } from "../open-repository.js";
import { wholeNumberOf } from "../option-values.js";
import { printJson } from "../render/json-array.js";

const options = {
  follow: { type: "boolean", alias: "f", describe: "Go on until its process ends, or Ctrl-C" },
  tail: { type: "string", alias: "n", value: "N", describe: "The last N lines alone" },
  timestamps: { type: "boolean", alias: "t", describe: "Print when each line was written before it" },
  since: {
    type: "string",
    value: "TIME",
    describe: "What was written from TIME on: 2026-11-27T12:00:00Z, or an age such as 10m",
  },
  until: { type: "string", value: "TIME", describe: "What was written before TIME" },
} as const;

export const logsCommand: Command = command(
  {
    name: "logs",
    form: "CONTAINER [-f] [-n N] [-t]",
    summary: "Print what a container in the background has written",
    description: `Prints what the process wrote, byte for byte: its standard output on stdout, its standard error on stderr. What it wrote in
earlier starts stands before that. With --json each line is an object. The log goes with the container.`,
    words: [{ name: "CONTAINER", required: true }],
    options,
    examples: [
      ["varve logs web", "all of it"],
      ["varve logs -f -n 20 web", "the last lines, and what comes"],
      ["varve logs --since 10m -t web 2>/dev/null", "the standard output of the last ten minutes, with times"],
    ],
    statuses: [
      ["24", "no such container"],
      ["44", "it was made to run in the foreground, so that its output is not kept"],
    ],
  },
  async ({ words: [name = ""], options: given, session }) => {
    const tail = given.tail === undefined || given.tail === "all" ? undefined : wholeNumberOf("--tail", given.tail);
    const since = given.since === undefined ? -Infinity : logTimeOf("--since", given.since, Date.now());
    const until = given.until === undefined ? Infinity : logTimeOf("--until", given.until, Date.now());
    const { containers } = await openRepository(session);
    const print = piecePrinter(session, given.timestamps);
    try {
      for await (const piece of containers.log(containers.find(name).record, { follow: given.follow, tail })) {
        const time = Date.parse(piece.time);
        if (time >= until) break;
        if (time >= since) print(piece);
      }
    } catch (error) {
      // Ctrl-C is how one leaves what would go on.
      if (!given.follow || !(error instanceof VarveError) || error.code !== "INTERRUPTED") throw error;
    }
  },
);

function piecePrinter({ terminal, json }: Session, timestamps: boolean): (piece: LogPiece) => void {
  if (json) return ({ time, stream, bytes }) => printJson(terminal, { time, stream, ...textOrBytes(bytes) });
  // A time stands before a line, not before each piece of it.
  const isWithin = { stdout: false, stderr: false };
  return ({ time, stream, bytes }) => {
    const head = timestamps && !isWithin[stream] ? Buffer.from(`${time} `, "latin1") : undefined;
    isWithin[stream] = bytes.at(-1) !== NEWLINE;
    const whole = head === undefined ? bytes : Buffer.concat([head, bytes]);
    if (stream === "stdout") terminal.write(whole);
    else terminal.writeError(whole);
  };
}

const NEWLINE = 0x0a;

function textOrBytes(bytes: Uint8Array): Record<string, string> {
  const text = Buffer.from(bytes).toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { text } : { text, textBase64: Buffer.from(bytes).toString("base64") };
}
