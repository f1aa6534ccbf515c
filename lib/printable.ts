/**
 * What steers a terminal or turns the order of what is read: control characters (C0, DEL, C1, thus every escape sequence), marks and overrides of
 * writing direction, the two separators that some take for line ends, and halves of characters.
 * @see https://www.unicode.org/reports/tr9/ and https://trojansource.codes
 */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSEEN = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]|\p{Surrogate}/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that may hold anybody's words, as a terminal or a log shows it: what would steer it stands there as `\x1b`. Line ends stay. */
export const printable = (text: string): string => text.replace(UNSEEN, shown);

/** The same for a value within a line, which could else pass for lines of ours: its line ends are shown too. */
export const oneLine = (value: string): string => printable(value).replaceAll('\n', shown);

/** JSON on one line, whose value is exactly this and which steers no terminal: what JSON.stringify lets through is escaped. */
export const jsonLine = (value: unknown): string => JSON.stringify(value).replace(UNSEEN, (character) => `\\u${hex(character, 4)}`);

function shown(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  return (character.codePointAt(0) ?? 0) < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

const hex = (character: string, digits: number): string => (character.codePointAt(0) ?? 0).toString(16).padStart(digits, '0');
