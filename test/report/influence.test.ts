import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { buildReport } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

test('influences that were learnt have a table of how well they are predicted, and no section where there are none', () => {
  expect(buildReport(exampleReport())).not.toContain('Learning influences');
  const fit = { seed: 3, arm: 'mates', round: 2, probes: 1200, heldOut: 240, mean: -0.00123, deviation: 0.0456, heldOutLoss: 0.871, spearman: 0.3456 };
  const { document } = parseHTML(buildReport({ ...exampleReport(), influence: [fit] }));
  const cells = [...(document.getElementById('influence')?.parentElement?.querySelectorAll('td') ?? [])].map(({ textContent }) => (textContent ?? '').replaceAll('\u00a0', ' ').replaceAll('\u2212', '-'));
  expect(cells).toEqual(['3', 'mates', '2', '1,200', '240', '-0.00123', '0.0456', '87.1 %', '0.346']);
});
