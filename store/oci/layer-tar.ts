import type { Tree } from "../../core/model/tree.js";
import { exportTar } from "../tar/export-tar.js";

/** Images.layerTar. */
export async function* layerTar(tree: Tree, onSkipped: (path: string) => void = () => undefined): AsyncGenerator<Uint8Array> {
  const handover = new Handover();
  const writing = exportTar(tree, (chunk) => handover.give(chunk), { sparse: false }).then(
    ({ skipped }) => {
      skipped.forEach(onSkipped);
      handover.end();
    },
    (error: unknown) => handover.end(error),
  );
  try {
    for (let chunk = await handover.take(); chunk !== undefined; chunk = await handover.take()) yield chunk;
  } finally {
    handover.abandon();
    await writing;
  }
}

/** Chunks from one who writes to one who reads, one at a time: the writer waits until the last one was taken. */
class Handover {
  #chunk: Uint8Array | undefined;
  #state: "open" | "ended" | "abandoned" = "open";
  #failure: { readonly error: unknown } | undefined;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  async give(chunk: Uint8Array): Promise<void> {
    this.#requireReader();
    this.#chunk = chunk;
    this.#wakeReader();
    await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
    this.#requireReader();
  }

  end(error?: unknown): void {
    if (error !== undefined && !(error instanceof Abandoned)) this.#failure = { error };
    this.#state = "ended";
    this.#wakeReader();
  }

  /** @returns `undefined` at the end. */
  async take(): Promise<Uint8Array | undefined> {
    this.#wakeWriter();
    if (this.#chunk === undefined && this.#state === "open") await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    const chunk = this.#chunk;
    this.#chunk = undefined;
    if (chunk === undefined && this.#failure !== undefined) throw asError(this.#failure.error);
    return chunk;
  }

  /** Nobody reads on. */
  abandon(): void {
    if (this.#state === "open") this.#state = "abandoned";
    this.#wakeWriter();
  }

  #requireReader(): void {
    if (this.#state === "abandoned") throw new Abandoned();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new TypeError(String(error));
}

/** How a writer is told that nobody reads on. */
class Abandoned extends Error {}
