/** Chunks as bytes that are taken by number. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes; fewer at the end alone. */
  async take(bytes: number): Promise<Buffer> {
    if (!(await this.#has(bytes))) bytes = this.#held.length;
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#has(1));
  }

  async #has(bytes: number): Promise<boolean> {
    while (this.#held.length < bytes) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return false;
      this.#held = this.#held.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.concat([this.#held, value]);
    }
    return true;
  }
}
