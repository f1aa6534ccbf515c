import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { buildReport } from '../../lib/report/index.js';
import { influenceTable } from '../../lib/stages/mates/influence-table.js';
import { exampleReport } from './example.js';

test('influences that were learnt have a table of how well they are predicted, and no section where there are none', () => {
  expect(buildReport(exampleReport())).not.toContain('Learning influences');
  const rows = [{ seed: 3, arm: 'mates', round: 2, values: [1200, 240, -0.00123, 0.0456, 0.871, 0.3456] }];
  const { document } = parseHTML(buildReport({ ...exampleReport(), learnt: [{ ...influenceTable, rows }] }));
  const cells = [...(document.getElementById('influence')?.parentElement?.querySelectorAll('td') ?? [])].map(({ textContent }) => (textContent ?? '').replaceAll('\u00a0', ' ').replaceAll('\u2212', '-'));
  expect(cells).toEqual(['3', 'mates', '2', '1,200', '240', '-0.00123', '0.0456', '87.1 %', '0.346']);
});
