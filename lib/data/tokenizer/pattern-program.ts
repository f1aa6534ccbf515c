import { CharacterSet } from './character-set.js';

/** A pattern as instructions: what `PatternMatcher` goes through with a stack of its own. */
export type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  /** so many characters of a set, as many or as few as go */
  | { readonly op: 'loop'; readonly set: CharacterSet; readonly least: number; readonly most: number; readonly lazy: boolean }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  /** keeps the place in a slot */
  | { readonly op: 'save'; readonly slot: number }
  /** fails where nothing was taken since the slot was saved: an empty turn of a loop */
  | { readonly op: 'moved'; readonly slot: number }
  | { readonly op: 'look'; readonly body: Program; readonly negated: boolean }
  | { readonly op: 'behind'; readonly set: CharacterSet; readonly negated: boolean }
  /** the text between two slots once more */
  | { readonly op: 'again'; readonly from: number; readonly to: number }
  | { readonly op: 'match' };
export type Program = readonly Instruction[];

export class NoProgram extends Error {}

type Node =
  | { readonly type: 'set'; readonly set: CharacterSet }
  | { readonly type: 'all'; readonly parts: readonly Node[] }
  | { readonly type: 'either'; readonly options: readonly Node[] }
  | { readonly type: 'repeat'; readonly body: Node; readonly least: number; readonly most: number; readonly lazy: boolean }
  | { readonly type: 'look'; readonly body: Node; readonly negated: boolean; readonly behind: boolean }
  | { readonly type: 'named'; readonly name: string; readonly body: Node }
  | { readonly type: 'again'; readonly name: string };

/** what stands for one character */
const ONE = /\[(?:\\u\{[0-9a-f]+\}|\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u\{[0-9a-f]+\}|\\[^k]|[^\\()[\]{}|*+?.^$]/uy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y;
const OPENING = /\((?:\?(?:[:=!]|<[=!]|<(\w+)>))?/y;
const AGAIN = /\\k<(\w+)>/y;

/**
 * The instructions of a pattern with flag u, of the constructs that patterns of tokenizers are translated to.
 * @throws NoProgram for others
 */
export function programOf(pattern: string): { readonly program: Program; readonly slots: number } {
  const parser = new Parser(pattern);
  const node = parser.either();
  if (!parser.atEnd) throw new NoProgram(pattern);
  const compiler = new Compiler();
  const program = compiler.program(node);
  return { program, slots: compiler.slots };
}

class Parser {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get atEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  either(): Node {
    const options = [this.#all()];
    while (this.#take('|')) options.push(this.#all());
    return options.length === 1 ? options[0] : { type: 'either', options };
  }

  #all(): Node {
    const parts: Node[] = [];
    while (!this.atEnd && this.#pattern[this.#at] !== '|' && this.#pattern[this.#at] !== ')') parts.push(this.#quantified(this.#atom()));
    return parts.length === 1 ? parts[0] : { type: 'all', parts };
  }

  #atom(): Node {
    const again = this.#match(AGAIN);
    if (again !== null) return { type: 'again', name: again[1] };
    const one = this.#match(ONE);
    if (one !== null) return { type: 'set', set: new CharacterSet(one[0]) };
    const opening = this.#match(OPENING);
    if (opening === null) throw new NoProgram(this.#pattern.slice(this.#at));
    const body = this.either();
    if (!this.#take(')')) throw new NoProgram(this.#pattern.slice(this.#at));
    const [what, name] = opening;
    if (name !== undefined) return { type: 'named', name, body };
    if (what === '(' || what === '(?:') return body;
    return { type: 'look', body, negated: what.endsWith('!'), behind: what.includes('<') };
  }

  #quantified(body: Node): Node {
    const found = this.#match(QUANTIFIER);
    if (found === null) return body;
    const [, sign, least, comma, most, lazy] = found;
    const range = sign === undefined ? { least: Number(least), most: comma === '' ? Number(least) : most === '' ? Infinity : Number(most) } : { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Infinity };
    return this.#quantified({ type: 'repeat', body, ...range, lazy: lazy !== '' });
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#pattern);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }
  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

/** Copies of a repeated group, which are written out. */
const MOST_COPIES = 1_000;

class Compiler {
  slots = 0;
  readonly #named = new Map<string, { readonly from: number; readonly to: number }>();

  program(node: Node): Program {
    const out: Instruction[] = [];
    this.#emit(node, out);
    out.push({ op: 'match' });
    return out;
  }

  #emit(node: Node, out: Instruction[]): void {
    switch (node.type) {
      case 'set':
        out.push({ op: 'set', set: node.set });
        return;
      case 'all':
        for (const part of node.parts) this.#emit(part, out);
        return;
      case 'either':
        this.#either(node.options, out);
        return;
      case 'repeat':
        this.#repeat(node, out);
        return;
      case 'look':
        if (!node.behind) out.push({ op: 'look', body: this.program(node.body), negated: node.negated });
        else if (node.body.type === 'set') out.push({ op: 'behind', set: node.body.set, negated: node.negated });
        else throw new NoProgram('a look-behind of more than a character');
        return;
      case 'named': {
        const slots = { from: this.slots++, to: this.slots++ };
        this.#named.set(node.name, slots);
        out.push({ op: 'save', slot: slots.from });
        this.#emit(node.body, out);
        out.push({ op: 'save', slot: slots.to });
        return;
      }
      case 'again': {
        const slots = this.#named.get(node.name);
        if (slots === undefined) throw new NoProgram(node.name);
        out.push({ op: 'again', ...slots });
      }
    }
  }

  #either(options: readonly Node[], out: Instruction[]): void {
    const ends: number[] = [];
    for (const [i, option] of options.entries()) {
      const split = out.length;
      const isLast = i === options.length - 1;
      if (!isLast) out.push({ op: 'split', first: split + 1, second: -1 });
      this.#emit(option, out);
      if (isLast) continue;
      ends.push(out.length);
      out.push({ op: 'jump', to: -1 });
      out[split] = { op: 'split', first: split + 1, second: out.length };
    }
    for (const end of ends) out[end] = { op: 'jump', to: out.length };
  }

  #repeat({ body, least, most, lazy }: Extract<Node, { type: 'repeat' }>, out: Instruction[]): void {
    if (body.type === 'set') {
      out.push({ op: 'loop', set: body.set, least, most, lazy });
      return;
    }
    if (least > MOST_COPIES || (most !== Infinity && most > MOST_COPIES)) throw new NoProgram(`more than ${MOST_COPIES} copies of a group`);
    for (let i = 0; i < least; i++) this.#emit(body, out);
    if (most === Infinity) {
      const loop = out.length;
      const slot = this.slots++;
      out.push({ op: 'split', first: -1, second: -1 }, { op: 'save', slot });
      this.#emit(body, out);
      out.push({ op: 'moved', slot }, { op: 'jump', to: loop });
      out[loop] = branch(loop + 1, out.length, lazy);
      return;
    }
    const splits: number[] = [];
    for (let i = least; i < most; i++) {
      const slot = this.slots++;
      splits.push(out.length);
      out.push({ op: 'split', first: -1, second: -1 }, { op: 'save', slot });
      this.#emit(body, out);
      out.push({ op: 'moved', slot });
    }
    for (const split of splits) out[split] = branch(split + 1, out.length, lazy);
  }
}

const branch = (inside: number, after: number, lazy: boolean): Instruction => (lazy ? { op: 'split', first: after, second: inside } : { op: 'split', first: inside, second: after });
