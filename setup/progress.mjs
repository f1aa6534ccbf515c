/**
 * Set-up speaks in plain lines on stderr: stdout belongs to what runs after it (`npm start -- --json`).
 * @typedef {(line: string) => void} Say
 */

/**
 * Paths and other programs' words as a terminal may show them, as `lib/printable.ts`, which is not built yet: what would steer it stands there as `\x1b`. Line ends stay.
 * @param {string} text
 */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
export const printable = (text) => text.replace(/(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]|\p{Surrogate}/gu, (character) => {
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
});

/** @type {Say} */
export const say = (line) => void process.stderr.write(`set-up: ${printable(line)}\n`);

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

/** @param {number} since milliseconds of performance.now() */
export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
