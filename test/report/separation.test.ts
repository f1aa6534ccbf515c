import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { buildReport, type ReportData, type SourceSeparation } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

const one = (seed: number, round: number, over: number | null): SourceSeparation => ({
  seed, arm: 'bliss', round, spread: 0.4 + seed / 10,
  sources: [
    { source: 'books', rows: 10, over: [null, over], overRest: over, spread: 0.3 + seed / 10 },
    { source: 'spam', rows: 20, over: [over === null ? null : 1 - over, null], overRest: over === null ? null : 1 - over, spread: 0.5 },
  ],
});
const pageOf = (data: ReportData) => parseHTML(buildReport(data)).document;
interface Parsed {
  readonly textContent: string | null;
  querySelectorAll(selectors: string): Iterable<Parsed>;
}
const cells = (table?: Parsed | null): string[][] => [...(table?.querySelectorAll('tr') ?? [])].map((row) => [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent ?? ''));

describe('what the scores tell apart', () => {
  const example = exampleReport({ seeds: [0, 1] });
  const section = pageOf({ ...example, separations: [one(0, 1, 0.9), one(0, 2, 0.6), one(1, 2, 0.9)] }).querySelector('[aria-labelledby="separation"]');

  test('is told by arm and round, as the mean over seeds, with the spread within sources', () => {
    expect(cells(section?.querySelector('table'))).toEqual([
      ['arm', 'round', 'books', 'spam', 'spread within sources'],
      ['bliss', '1', '0.90', '0.10', '0.40'],
      ['bliss', '2', '0.75', '0.25', '0.45'],
    ]);
  });

  test('is drawn source against source for the last round, with its numbers; earlier rounds wait as tables', () => {
    expect(section?.querySelectorAll('figure')).toHaveLength(1);
    expect([...(section?.querySelectorAll('figure svg g[aria-label="text"] text') ?? [])].map(({ firstChild }) => firstChild?.textContent)).toEqual(['0.75', '0.25']);
    const [, last, first] = section?.querySelectorAll('table') ?? [];
    expect(cells(last)[1]).toEqual(['books', '20', '', '0.75', '0.75', '0.35']);
    expect(cells(first)[2]).toEqual(['spam', '20', '0.10', '', '0.10', '0.50']);
  });

  test('a source without rows in one seed is the mean of the others; without scores there is no section', () => {
    const partly = pageOf({ ...example, separations: [one(0, 2, null), one(1, 2, 0.9)] }).querySelector('[aria-labelledby="separation"]');
    expect(cells(partly?.querySelector('table'))[1]).toEqual(['bliss', '2', '0.90', '0.10', '0.45']);
    expect(buildReport({ ...example, separations: [] })).not.toContain('What the scores tell apart');
  });

  test('says that an arm of the middle keeps no high scores', () => {
    const arms = [...example.arms, { name: 'centre', selector: 'perplexity-middle' }];
    expect(buildReport({ ...example, arms })).toContain('centre keeps rows from the middle');
    expect(buildReport(example)).not.toContain('from the middle');
  });
});

describe('how far the ranking still moves', () => {
  test('is drawn where it was measured, with the stop’s threshold', () => {
    const data = exampleReport({ seeds: [0] });
    const document = pageOf(data);
    const text = document.querySelector('[aria-labelledby="bilevel"]')?.textContent ?? '';
    expect(text).toContain('Dashed: where learning stops by itself (0.95).');
    for (const { ranks = [] } of data.bilevel) for (const { correlation } of ranks) expect(text).toContain(correlation.toFixed(4));
    const { stopsAt: _, ...rest } = data;
    expect(buildReport(rest)).toContain('How far the ranking still moves');
    expect(buildReport(rest)).not.toContain('where learning stops by itself');
    expect(buildReport({ ...data, bilevel: data.bilevel.map(({ ranks: _ranks, ...curve }) => curve) })).not.toContain('How far the ranking still moves');
  });
});
