export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** matched in the text after normalisation, not before */
  readonly normalized: boolean;
  /** takes the white space before it, after it */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** Characters that are looked through between two pauses. */
const WINDOW = 1 << 22;

export interface AddedTokens {
  occurIn(text: string): boolean;
  /** an id for each token, the text between them as it is, and a pause (`undefined`) now and then */
  split(text: string): Generator<number | string | undefined>;
}

/** Leftmost, then longest: alternatives are tried in order. */
export function openAdded(tokens: readonly AddedToken[]): AddedTokens {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map((content) => content.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('|'), 'g');
  const split = function* (text: string): Generator<number | string | undefined> {
    let start = 0;
    for (let from = 0; contents.length > 0 && from < text.length; ) {
      // a token that begins in the window ends in what is looked through
      const window = text.length <= WINDOW ? text : text.slice(from, from + WINDOW + contents[0].length);
      pattern.lastIndex = text.length <= WINDOW ? from : 0;
      const match = pattern.exec(window);
      const token = match === null ? undefined : byContent.get(match[0]);
      if (match === null || token === undefined) {
        if (text.length <= WINDOW) break;
        from += WINDOW;
        yield;
        continue;
      }
      const index = text.length <= WINDOW ? match.index : from + match.index;
      const before = token.lstrip ? spaceBefore(text, start, index) : index;
      if (before > start) yield text.slice(start, before);
      yield token.id;
      start = index + token.content.length;
      if (token.rstrip) while (isSpace(text, start)) start++;
      from = start;
    }
    if (start < text.length) yield start === 0 ? text : text.slice(start);
  };
  const occurIn = (text: string): boolean => {
    pattern.lastIndex = 0;
    return contents.length > 0 && pattern.test(text);
  };
  return { occurIn, split };
}

// all white space is of one code unit
const isSpace = (text: string, at: number): boolean => at < text.length && /\p{White_Space}/u.test(text[at]);

function spaceBefore(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(text, at - 1)) at--;
  return at;
}
