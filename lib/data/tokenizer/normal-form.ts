/**
 * No character of these takes part in what comes before it, in any normal form: Latin to U+02FF, ideographs, Hangul syllables, and the two marks
 * that end clauses in Chinese and Japanese.
 */
export const startsAnew = (unit: number): boolean => unit < 0x300 || (unit >= 0x4e00 && unit <= 0x9fff) || (unit >= 0xac00 && unit <= 0xd7a3) || unit === 0x3001 || unit === 0x3002;

/** NFC of a text, with a pause (`undefined`) after each slice of about `slice` characters. */
export function* composed(text: string, slice: number): Generator<undefined, string> {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = at + slice;
    while (end < text.length && !startsAnew(text.charCodeAt(end))) end++;
    parts.push(text.slice(at, end).normalize('NFC'));
    at = end;
    if (at < text.length) yield;
  }
  return parts.length === 1 ? parts[0] : parts.join('');
}
