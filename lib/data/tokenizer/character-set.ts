const CODE_POINTS = 0x11_0000;

/** One character of a pattern as JavaScript writes it (`\p{L}`, `[^a-z]`, `x`), with what is known of it kept. */
export class CharacterSet {
  readonly #pattern: RegExp;
  /** 0: not looked at yet, 1: in it, 2: not */
  #known: Uint8Array | undefined;

  constructor(source: string) {
    this.#pattern = new RegExp(`^(?:${source})$`, 'u');
  }

  has(codePoint: number): boolean {
    this.#known ??= new Uint8Array(CODE_POINTS);
    const known = this.#known[codePoint];
    if (known !== 0) return known === 1;
    const found = this.#pattern.test(String.fromCodePoint(codePoint));
    this.#known[codePoint] = found ? 1 : 2;
    return found;
  }
}
