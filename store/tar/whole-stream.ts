/** Whoever decompresses may not want the last bytes, and at the end of a stream its digest is checked. */
export class WholeStream implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  #isAtEnd = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        const next = await this.#source.next();
        this.#isAtEnd ||= next.done === true;
        return next;
      },
      return: async () => ({ done: true, value: undefined }),
    };
  }

  async drain(): Promise<void> {
    while (!this.#isAtEnd) this.#isAtEnd = (await this.#source.next()).done === true;
  }
}
