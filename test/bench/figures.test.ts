import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAgreement } from '../../bench/agreement.js';
import { comparisonTable, ratioTo } from '../../bench/comparison-table.js';
import type { Measured } from '../../bench/compare.js';
import { readResult } from '../../bench/results.js';
import { summarise } from '../../bench/statistics.js';
import { withTables } from '../../bench/write-docs.js';
import { packageRoot } from '../../lib/package-root.js';

const measured = (name: string, side: Measured['side'], milliseconds: number[], tuned = false): Measured => ({ name, side, tuned, milliseconds, disturbance: 0, readySeconds: 1, peakBytes: 1 });

test('least and median, of odd and even numbers of values in any order', () => {
  expect(summarise([9, 1, 5])).toEqual({ least: 1, median: 5 });
  expect(summarise([10, 4, 2, 3])).toEqual({ least: 2, median: 3.5 });
  expect(() => summarise([])).toThrow('nothing was measured');
});

describe('agreement of two sides', () => {
  const agree = (theirs: Record<string, number>) => checkAgreement({ ours: [{ loss: 7.5, norm: 1e-3 }], theirs: [theirs], who: 'theirs', numbers: ['loss'], relative: ['norm'] });

  test('is the largest difference of a loss', () => {
    expect(agree({ loss: 7.500_05, norm: 1e-3 })).toBeCloseTo(5e-5, 8);
  });

  test.each([
    ['a loss that is off by more than 1e-4', { loss: 7.5002, norm: 1e-3 }],
    ['a small norm that is off by a hundredth', { loss: 7.5, norm: 1.01e-3 }],
    ['a NaN', { loss: Number.NaN, norm: 1e-3 }],
    ['a number that is missing', { loss: 7.5 }],
  ])('is refused for %s', (_, theirs) => {
    expect(() => agree(theirs)).toThrow('not the same computation');
  });
});

test('a ratio is the faster side of PyTorch over ours, least and median each by itself; the tuned one counts in its own column only', () => {
  const ours = measured('ours', 'ours', [10, 20, 30]);
  const comparison = { label: 'small', measured: [ours, measured('eager', 'pytorch', [12, 50, 60]), measured('compile', 'pytorch', [15, 30, 60]), measured('tuned', 'pytorch', [5, 10, 15], true)] };
  expect(ratioTo(comparison, ours, ({ side, tuned }) => side === 'pytorch' && !tuned)).toEqual({ least: 1.2, median: 1.5 });
  const { columns, rows } = comparisonTable({ caption: '', comparisons: [comparison] });
  expect(rows[0][columns.indexOf('PyTorch’s best / ours')]).toBe('1.20 / 1.50');
  expect(rows[0][columns.indexOf('its best, malloc tuned / ours')]).toBe('0.50 / 0.50');
});

describe('docs/performance.md', () => {
  const page = readFileSync(path.join(packageRoot(), 'docs', 'performance.md'), 'utf8');

  test('has the tables of bench/results as they are', () => {
    expect(withTables(page, readResult)).toBe(page); // else: npm run bench -- write-docs
  });

  test('keeps its prose, and fills the place of a bench from what is stored of it', () => {
    const machine = { processor: 'A processor', cores: 2, memoryBytes: 8e9, gpus: [], node: 'v20', commit: 'abc' };
    const data = { comparisons: [{ label: 'a case', measured: [measured('ours', 'ours', [10])] }] };
    const written = withTables('before\n<!-- bench: scoring -->\nold\n<!-- /bench -->\nafter', (bench) => ({ bench, takenAt: '2026-01-02T03:04:05Z', command: 'npm run bench -- scoring', machine, data }));
    expect(written).toMatch(/^before\n<!-- bench: scoring -->\n[^]*\| a case \| ours \| 10\.0 \/ 10\.0 \|[^]*2026-01-02, commit abc: A processor, 2 cores, 8 GB, Node v20\.\n<!-- \/bench -->\nafter$/);
    expect(written).not.toContain('old');
    expect(() => withTables('<!-- bench: nothing -->\n<!-- /bench -->', () => undefined)).toThrow('there is no bench nothing');
  });
});
