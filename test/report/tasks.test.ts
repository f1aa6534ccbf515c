import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { buildReport, type ReportData, type TaskPoint } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

const point = (arm: string, seed: number, round: number, value: number, more: Partial<TaskPoint> = {}): TaskPoint => ({ seed, arm, round, task: 'piqa', metric: 'acc', items: 1838, value, standardError: 0.0114, ...more });
const cells = (data: ReportData): string[][] => {
  const { document } = parseHTML(buildReport(data));
  const section = document.getElementById('tasks')?.parentElement;
  const [table] = section?.querySelectorAll('table') ?? [];
  return [...(table?.querySelectorAll('tr') ?? [])].map((row) => [...row.querySelectorAll('th, td')].map(({ textContent }) => (textContent ?? '').replaceAll('\u00a0', ' ').replaceAll('\u2212', '-')));
};

describe('zero-shot tasks', () => {
  test('have no section where there are none', () => {
    expect(buildReport(exampleReport())).not.toContain('Zero-shot');
  });

  test('of one seed stand side by side after the last round, with errors over items and that of the difference paired', () => {
    const tasks = [
      point('bliss', 0, 1, 0.5), point('random', 0, 1, 0.5),
      point('bliss', 0, 2, 0.5532, { pairedStandardError: 0.0062 }), point('random', 0, 2, 0.5411),
      point('bliss', 0, 2, 142.4, { task: 'lambada_openai', metric: 'perplexity', items: 5153, standardError: 4.25 }), point('random', 0, 2, 150.1, { task: 'lambada_openai', metric: 'perplexity', items: 5153, standardError: null }),
    ];
    expect(cells({ ...exampleReport({ seeds: [0] }), tasks })).toEqual([
      ['task', 'metric', 'items', 'bliss', 'random', 'bliss - random'],
      ['piqa', 'acc', '1,838', '55.3 % ± 1.1 %', '54.1 % ± 1.1 %', '1.2 % ± 0.6 %'],
      ['lambada_openai', 'perplexity (lower is better)', '5,153', '142.4 ± 4.25', '150.1', '-7.7'],
    ]);
  });

  test('of several seeds have means and errors over seeds', () => {
    const tasks = [[0.5, 0.48], [0.54, 0.5], [0.52, 0.52]].flatMap(([bliss, random], seed) => [point('bliss', seed, 1, bliss), point('random', seed, 1, random)]);
    // differences 0.02, 0.04, 0: mean 0.02, deviation 0.02, over √3
    expect(cells({ ...exampleReport({ seeds: [0, 1, 2] }), tasks })[1]).toEqual(['piqa', 'acc', '1,838', '52.0 % ± 1.2 %', '50.0 % ± 1.2 %', '2.0 % ± 1.2 %']);
  });
});
