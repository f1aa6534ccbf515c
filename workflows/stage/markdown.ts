/* The Temporal UI reads current details as Markdown, links and pictures included; what they quote may be anybody's text. */

/** What turns the order of what is read, or is not seen. As lib/printable.ts has it, of which workflows may know types only. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]|\p{Surrogate}/gu;
const MARKS = /[\\`*_~#[\]<>|&!]/g;

/** A value within a line of Markdown, shown as it is. */
export const plainText = (text: string): string =>
  text.replace(UNSEEN, (character) => (character === '\n' ? ' ' : shown(character.codePointAt(0) ?? 0))).replace(MARKS, (mark) => `\\${mark}`);

const shown = (code: number): string => (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`);
