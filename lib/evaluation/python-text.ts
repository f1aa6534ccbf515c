/** What Python's string methods do where JavaScript's differ: the harness' templates are written in them. */

/** `str.isspace`: it has U+001C … U+001F and U+0085 and lacks U+FEFF */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`, 'u');
const TRAILING = new RegExp(`${SPACE}+$`, 'u');

/** `text.lstrip()` */
export const stripStart = (text: string): string => text.replace(LEADING, '');
/** `text.strip()` */
export function strip(text: string): string {
  const begun = stripStart(text);
  return begun.slice(0, begun.length - trailingSpace(begun).length);
}
/** what `text.rstrip()` takes away */
export const trailingSpace = (text: string): string => TRAILING.exec(text)?.[0] ?? '';

/** `text.capitalize()`: the first character in title case, all others in lower case. A character that title case writes as two has only its first raised. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const [raised = '', ...more] = first.toUpperCase();
  return raised + more.join('').toLowerCase() + text.slice(first.length).toLowerCase();
}

/** `len(text)`: code points, not UTF-16 units */
export const characters = (text: string): number => Array.from(text).length;
