import { Untranslatable } from './untranslatable.js';

/** within (?i:…) */
export type Fold = boolean;

/** Beside the other case, what has the same simple folding as an ASCII letter. */
const FOLDED: Readonly<Record<string, string>> = { s: '\u017F', k: '\u212A' };

export const escapeCodePoint = (character: string): string => (/^[A-Za-z0-9]$/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

export interface CharacterClass {
  readonly items: readonly { readonly from: string; readonly to: string }[];
  /** properties and shorthands, as JavaScript has them */
  readonly parts: readonly string[];
  readonly negated: boolean;
  readonly fold: Fold;
}

/** A class for flag u. @throws Untranslatable where folding is not that of single letters */
export function characterClass({ items, parts, negated, fold }: CharacterClass): string {
  const sources = items.map(({ from, to }) => {
    if (fold) return folded(from, to);
    return from === to ? escapeCodePoint(from) : `${escapeCodePoint(from)}-${escapeCodePoint(to)}`;
  });
  return `[${negated ? '^' : ''}${[...sources, ...parts].join('')}]`;
}

function folded(from: string, to: string): string {
  const [first, last] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
  if (first > 0x7f || last > 0x7f) throw new Untranslatable(`the character ${first > 0x7f ? from : to} within (?i:…)`);
  const all = new Set<string>();
  for (let point = first; point <= last; point++) {
    const character = String.fromCharCode(point);
    for (const one of [character, character.toLowerCase(), character.toUpperCase(), FOLDED[character.toLowerCase()] ?? '']) if (one !== '') all.add(one);
  }
  return Array.from(all, escapeCodePoint).join('');
}

/** `\s` and the like, by Unicode as Oniguruma has them for UTF-8; undefined where the letter is none of them. @throws Untranslatable */
export function shorthand(letter: string): string | undefined {
  switch (letter) {
    case 's':
      return '\\p{White_Space}';
    case 'S':
      return '\\P{White_Space}';
    case 'd':
      return '\\p{Nd}';
    case 'D':
      return '\\P{Nd}';
    default:
      return undefined;
  }
}

const CATEGORIES = new Set(['L', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'M', 'Mn', 'Mc', 'Me', 'N', 'Nd', 'Nl', 'No', 'P', 'Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf', 'Po', 'S', 'Sm', 'Sc', 'Sk', 'So', 'Z', 'Zs', 'Zl', 'Zp']);
/** what case leaves as it is */
const CASELESS = new Set(['L', 'M', 'N', 'P', 'S', 'Z']);
const SCRIPTS = new Set(['Arabic', 'Armenian', 'Bengali', 'Cyrillic', 'Devanagari', 'Georgian', 'Greek', 'Hangul', 'Han', 'Hebrew', 'Hiragana', 'Katakana', 'Latin', 'Thai']);

/** `\p{…}`: a general category or a script. @throws Untranslatable for others, and for those that (?i:…) would widen */
export function property({ name, negated, fold }: { readonly name: string; readonly negated: boolean; readonly fold: Fold }): string {
  const letter = negated ? 'P' : 'p';
  if (fold && !CASELESS.has(name)) throw new Untranslatable(`\\p{${name}} within (?i:…)`);
  if (CATEGORIES.has(name)) return `\\${letter}{${name}}`;
  if (SCRIPTS.has(name)) return `\\${letter}{Script=${name}}`;
  throw new Untranslatable(`the property \\p{${name}}`);
}
