import { characterClass, escapeCodePoint, property, shorthand, type Fold } from './oniguruma-class.js';
import { Untranslatable } from './untranslatable.js';

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07', e: '\x1b' };

/** What stands at the start of `text`, a backslash first. `character`: where it stands for one. */
export function escaped(text: string, fold: Fold): { readonly source: string; readonly length: number; readonly character?: string } {
  const named = /^\\([pP])\{(\^?)([^{}]*)\}/.exec(text);
  if (named !== null) return { source: property({ name: named[3], negated: (named[1] === 'P') !== (named[2] === '^'), fold }), length: named[0].length };
  const code = /^\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(text);
  if (code !== null) {
    const value = parseInt(code[1] ?? code[2] ?? code[3], 16);
    // \x80 and above are bytes to Oniguruma, not code points
    if (value > 0x10ffff || (code[2] !== undefined && value > 0x7f)) throw new Untranslatable(`the escape ${code[0]}`);
    return standsFor(String.fromCodePoint(value), code[0].length, fold);
  }
  const point = text.codePointAt(1);
  const next = point === undefined ? '' : String.fromCodePoint(point);
  const short = shorthand(next);
  if (short !== undefined) return { source: short, length: 2 };
  if (next in CONTROLS) return standsFor(CONTROLS[next], 2, fold);
  if (next === '' || /[\p{L}\p{N}]/u.test(next)) throw new Untranslatable(`the escape \\${next}`);
  return standsFor(next, 1 + next.length, fold);
}

function standsFor(character: string, length: number, fold: Fold): { readonly source: string; readonly length: number; readonly character: string } {
  return { source: fold ? characterClass({ items: [{ from: character, to: character }], parts: [], negated: false, fold }) : escapeCodePoint(character), length, character };
}
