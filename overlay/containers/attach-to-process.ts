import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { AttachRequest, ContainerRecord } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { makeTerminalRaw, terminalSize } from "../../linux/terminal.js";
import { attach, resizeTerminal, type Attachment } from "../supervisor/attach-socket.js";
import { detachKeys } from "../supervisor/detach-keys.js";
import { notRunning, requireBackground, waitForEnd } from "./background.js";
import { latin1, type ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";
import { forwardSignals } from "./signal-forwarding.js";

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/** `Containers.attach`. @param onAttach Called when input and output are tied. */
export async function attachToProcess(
  directory: ContainerDirectory,
  record: ContainerRecord,
  { input, detachKeys: keys }: AttachRequest,
  onAttach: () => void = () => undefined,
): Promise<number | undefined> {
  requireBackground(record, "attach to");
  if (livingProcess(directory) === undefined) throw notRunning("attach to", record.name);
  const attachment = attach(latin1(directory.path), (stream, bytes) => writeAll(DESCRIPTORS[stream], bytes));
  // Gone between the two looks, or its supervisor was killed: then nothing more can be read.
  if (attachment === undefined) return waitForEnd(directory);
  onAttach();
  const { terminal, interactive } = record.configuration;
  const onTerminal = terminal && isatty(0);
  const left = new AbortController();
  const leave = (): void => {
    left.abort();
    attachment.leave();
  };
  const stopInput = input && interactive ? passInput(attachment, onTerminal, keys ? leave : undefined) : () => undefined;
  const stopResizing = onTerminal ? followSize(directory) : () => undefined;
  // In a raw terminal Ctrl-C is a byte that goes with the others.
  const signals = forwardSignals(
    () => livingProcess(directory),
    () => attachment.leave(),
  );
  try {
    await attachment.ended;
  } finally {
    signals.stop();
    stopResizing();
    stopInput();
  }
  return left.signal.aborted ? undefined : waitForEnd(directory);
}

function passInput(attachment: Attachment, isRaw: boolean, leave: (() => void) | undefined): () => void {
  const { stdin } = process;
  const find = leave === undefined ? undefined : detachKeys();
  const restoreTerminal = isRaw ? makeTerminalRaw(0) : undefined;
  const onData = (typed: Buffer): void => {
    const { passed, left } = find?.(typed) ?? { passed: typed, left: false };
    attachment.write(passed);
    if (left) leave?.();
  };
  const onEnd = (): void => attachment.endInput();
  stdin.on("data", onData).once("end", onEnd);
  return () => {
    stdin.off("data", onData).off("end", onEnd);
    restoreTerminal?.();
    // Else it would keep this process alive.
    stdin.pause();
    stdin.unref();
  };
}

function followSize(directory: ContainerDirectory): () => void {
  const tell = (): void => {
    const size = terminalSize(0);
    if (size !== undefined) resizeTerminal(directory.file("ctl"), size);
  };
  tell();
  process.on("SIGWINCH", tell);
  return () => void process.off("SIGWINCH", tell);
}

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Synchronous: a slow reader holds the process back, and memory stays flat. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error;
      Atomics.wait(clock, 0, 0, 5);
    }
  }
}
