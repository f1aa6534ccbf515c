import { characterClass, escapeCodePoint, type Fold } from './oniguruma-class.js';
import { escaped } from './oniguruma-escape.js';
import { Untranslatable } from './untranslatable.js';

/**
 * A pattern of Oniguruma, as `tokenizers` takes it, as one of JavaScript with the same matches: `\s` as Unicode's White_Space, possessive
 * quantifiers and atomic groups by a look-ahead that is not gone back into, `(?i:…)` letter by letter, with ſ for s and the Kelvin sign for k.
 * Node 20 has no `(?i:…)` of its own.
 *
 * @returns flags g and u; groups are for the translation's own use
 * @throws Untranslatable where that cannot be told to be the same
 */
export function translatePattern(pattern: string): RegExp {
  const translation = new Translation(pattern);
  const source = translation.alternatives(false);
  if (!translation.atEnd) throw new Untranslatable('an unmatched )');
  try {
    return new RegExp(source, 'gu');
  } catch (error) {
    throw new Untranslatable(`a construct that JavaScript does not take (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** `st` within (?i:…) is also one letter, ﬆ, to Oniguruma */
const FOLDED_PAIRS = new Set(['ss', 'st', 'ff', 'fi', 'fl']);

class Translation {
  readonly #pattern: string;
  #at = 0;
  #groups = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get atEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  alternatives(fold: Fold): string {
    const parts = [this.#sequence(fold)];
    while (this.#take('|')) parts.push(this.#sequence(fold));
    return parts.join('|');
  }

  #sequence(fold: Fold): string {
    let source = '';
    let before = '';
    while (!this.atEnd && !this.#sees('|') && !this.#sees(')')) {
      const literal = this.#literal();
      if (fold && literal !== undefined && FOLDED_PAIRS.has((before + literal).toLowerCase())) throw new Untranslatable(`(?i:…${before}${literal}…), which is also one letter`);
      before = literal ?? '';
      source += this.#quantified(this.#atom(fold));
    }
    return source;
  }

  /** the plain character that comes next, if one does */
  #literal(): string | undefined {
    const next = this.#peek();
    return /^[^\\()[\]{}|*+?.^$]$/u.test(next) ? next : undefined;
  }

  #atom(fold: Fold): string {
    const next = this.#peek();
    switch (next) {
      case '(':
        return this.#group(fold);
      case '[':
        return this.#class(fold);
      case '\\':
        return this.#escape(fold);
      case '.':
        this.#at++;
        return '[^\\n]';
      case '^':
      case '$':
        throw new Untranslatable(`the anchor ${next}`);
      case '{':
      case '}':
      case ']':
        throw new Untranslatable(`an unescaped ${next}`);
      case '*':
      case '+':
      case '?':
        throw new Untranslatable(`a quantifier ${next} with nothing before it`);
      default:
        this.#at += next.length;
        return fold ? characterClass({ items: [{ from: next, to: next }], parts: [], negated: false, fold }) : escapeCodePoint(next);
    }
  }

  #group(fold: Fold): string {
    const opening = /^\((?:\?(?:[:>=!]|<[=!]|i:|-i:)|(?!\?))/.exec(this.#rest())?.[0];
    if (opening === undefined) throw new Untranslatable(`the group ${this.#rest().slice(0, 4)}`);
    this.#at += opening.length;
    const body = this.alternatives(opening === '(?i:' ? true : opening === '(?-i:' ? false : fold);
    if (!this.#take(')')) throw new Untranslatable('an unmatched (');
    switch (opening) {
      case '(?>':
        return this.#atomic(body);
      case '(?=':
      case '(?!':
      case '(?<=':
      case '(?<!':
        return `${opening}${body})`;
      default:
        return `(?:${body})`;
    }
  }

  /** matches as its body does at first, and is not gone back into */
  #atomic(body: string): string {
    const name = `atomic${++this.#groups}`;
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  }

  /** `{n,m}+` repeats `{n,m}` to Oniguruma; `*+`, `++` and `?+` are possessive */
  #quantified(atom: string): string {
    let source = atom;
    for (;;) {
      const found = /^(?:([*+?])([+?]?)|\{(\d*)(,?)(\d*)\}(\??))/.exec(this.#rest());
      if (found === null) return source;
      this.#at += found[0].length;
      const [, sign, mode, least, comma, most, lazy] = found;
      if (sign !== undefined) {
        source = mode === '+' ? this.#atomic(`${source}${sign}`) : `(?:${source}${sign}${mode})`;
        continue;
      }
      if (least === '' && most === '') throw new Untranslatable(`the quantifier ${found[0]}`);
      if (lazy !== '' && (comma === '' || most === '')) throw new Untranslatable(`the quantifier ${found[0]}`);
      source = `(?:${source}{${least === '' ? '0' : least}${comma}${most}}${lazy})`;
    }
  }

  #escape(fold: Fold): string {
    const { source, length } = escaped(this.#rest(), fold);
    this.#at += length;
    return source;
  }

  #class(fold: Fold): string {
    const start = this.#at;
    this.#at++;
    const negated = this.#take('^');
    const items: { from: string; to: string }[] = [];
    const parts: string[] = [];
    for (let first = true; !this.#sees(']') || first; first = false) {
      if (this.atEnd || this.#sees(']')) throw new Untranslatable(`the class ${this.#pattern.slice(start, this.#at + 1)}`);
      if (this.#sees('[')) throw new Untranslatable('a class within a class');
      if (this.#rest().startsWith('&&')) throw new Untranslatable('an intersection of classes (&&)');
      const from = this.#member(fold, parts);
      if (from === undefined) continue;
      const ranges = this.#sees('-') && this.#pattern[this.#at + 1] !== ']';
      if (ranges) this.#at++;
      const to = ranges ? this.#member(fold, parts) : from;
      if (to === undefined) throw new Untranslatable(`the range in ${this.#pattern.slice(start, this.#at + 1)}`);
      items.push({ from, to });
    }
    this.#at++;
    return characterClass({ items, parts, negated, fold });
  }

  /** one character of a class; undefined where it was a property or shorthand, which is put with `parts` */
  #member(fold: Fold, parts: string[]): string | undefined {
    if (!this.#sees('\\')) {
      const next = this.#peek();
      this.#at += next.length;
      return next;
    }
    const { source, length, character } = escaped(this.#rest(), fold);
    this.#at += length;
    if (character === undefined) parts.push(source);
    return character;
  }

  #peek(): string {
    const point = this.#pattern.codePointAt(this.#at);
    return point === undefined ? '' : String.fromCodePoint(point);
  }
  #sees(text: string): boolean {
    return this.#pattern.startsWith(text, this.#at);
  }
  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }
  #rest(): string {
    return this.#pattern.slice(this.#at);
  }
}
