const CELL = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps, and the whole event loop with it: for waits of some milliseconds on the kernel inside synchronous work. */
export function pauseThread(milliseconds: number): void {
  Atomics.wait(CELL, 0, 0, milliseconds);
}
