import { watch, type FSWatcher } from "node:fs";

/** Beside notices of the kernel, which network filesystems don't give. */
const LOOK_MILLISECONDS = 1000;
/** Without them: this user watches as many directories as it may (ENOSPC), or the kernel can't. */
const POLL_MILLISECONDS = 200;

/** Waits for changes of the files in a directory. */
export class DirectoryChanges {
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(directory: string) {
    try {
      this.#watcher = watch(directory, () => {
        this.#changed = true;
        this.#wake?.();
      });
      this.#watcher.on("error", () => this.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Resolves when something may have changed since the last call, at the signal, or after so long; always within a second. */
  async next(milliseconds: number, signal: AbortSignal): Promise<void> {
    const limit = Math.max(0, Math.min(milliseconds, this.#watcher === undefined ? POLL_MILLISECONDS : LOOK_MILLISECONDS));
    if (!this.#changed && !signal.aborted) await this.#pause(limit, signal);
    this.#changed = false;
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.#wake, { once: true });
    });
    if (this.#wake !== undefined) signal.removeEventListener("abort", this.#wake);
    this.#wake = undefined;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
