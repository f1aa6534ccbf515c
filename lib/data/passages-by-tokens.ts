import type { FindPassages, Passage, PassageTokenizer } from './passage.js';

/** A byte-level token may hold a part of a character, or of two: characters are whole again after a few. */
const MOST_TOKENS_OF_A_UNIT = 8;

const LETTERS = /^\p{L}[\p{L}\p{M}]*$/u;
const ANY_LETTER = /\p{L}/u;
const SENTENCE_END = /^["')\]」』）》”’]*[。！？.!?။༎།]/u;

/** The fewest tokens in a row that stand for whole characters. */
interface Unit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Passages of a text without blanks: their last word is the last token of letters alone, or the few tokens that a character takes. */
export function* passagesByTokens({ text, tokenizer, limits }: FindPassages): Generator<Omit<Passage, 'id'> | undefined> {
  let ids: number[] = [];
  const cut = function* (isEnd: boolean): Generator<Omit<Passage, 'id'>> {
    let start = 0;
    while (isEnd ? ids.length - start > limits.least : ids.length - start > limits.most + MOST_TOKENS_OF_A_UNIT) {
      const tokens = ids.slice(start, start + limits.most);
      const units = unitsOf(ids.slice(start, start + limits.most + MOST_TOKENS_OF_A_UNIT), tokenizer);
      const fits = ({ start: context, end, text: letters }: Unit): boolean => context >= limits.least && end <= limits.most && LETTERS.test(letters);
      const ends = units.flatMap((unit, i) => (fits(unit) ? [i] : []));
      const good = ends.findLast((i) => units[i].start >= limits.sentence && SENTENCE_END.test(`${units[i + 1]?.text ?? ''}${units[i + 2]?.text ?? ''}`));
      const last = good ?? ends.at(-1);
      if (last === undefined) {
        start += Math.max(1, units.findLast(({ end }) => end <= limits.most)?.end ?? limits.most);
        continue;
      }
      yield { tokens: tokens.slice(0, units[last].end), targetStart: units[last].start };
      // what closes a sentence does not begin the next passage
      start += units.find((unit, i) => i > last && ANY_LETTER.test(unit.text))?.start ?? units[units.length - 1].end;
    }
    ids = ids.slice(start);
  };
  for (const piece of tokenizer.encodePieces(text.trim())) {
    for (let i = 0; i < piece.length; i++) ids.push(piece[i]);
    yield* cut(false);
    yield;
  }
  yield* cut(true);
}

function unitsOf(ids: readonly number[], { decode }: Pick<PassageTokenizer, 'decode'>): Unit[] {
  const units: Unit[] = [];
  for (let start = 0; start < ids.length; ) {
    let end = start;
    let text = '\uFFFD';
    while (text.includes('\uFFFD') && end < Math.min(ids.length, start + MOST_TOKENS_OF_A_UNIT)) text = decode(ids.slice(start, ++end));
    units.push({ start, end, text });
    start = end;
  }
  return units;
}
