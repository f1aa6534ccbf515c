import { expect, test } from 'vitest';
import { printable as inLib } from '../../lib/printable.js';
import { printable } from '../../setup/progress.mjs';
import { explain, SetupError } from '../../setup/setup-error.mjs';

test('what the set-up quotes is shown as the command line shows it', () => {
  const everything = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).join(' ');
  expect(printable(everything)).toBe(inLib(everything));
});

test('an error of the set-up steers no terminal, ours or not', () => {
  expect(explain(new SetupError({ message: 'cannot write /a\x1b[31m', fix: 'move /a\x1b[31m' }))).toBe('set-up: cannot write /a\\x1b[31m\n        fix: move /a\\x1b[31m\n');
  expect(explain(Object.assign(new Error('/a\x1b[31m'), { code: 'ENOSPC' }))).toContain('(/a\\x1b[31m)');
  expect(explain(new Error('\x1b[31m'))).toMatch(/^set-up: Error: \\x1b\[31m\n +at /);
});
