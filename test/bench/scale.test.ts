import { expect, test } from 'vitest';
import { scale, type ScaleData } from '../../bench/benches/scale.js';

const data: ScaleData = {
  stages: [{ rows: 2_000_000, corpusBytes: 1.4e9, stages: [{ stage: 'prepare', seconds: 400, peakBytes: 6e8 }] }],
  selections: [
    {
      rows: 100_000_000,
      sides: [
        { name: 'ours', seconds: [30, 24, 27], peakBytes: 8e8 },
        { name: 'plain', seconds: [36, 40, 30], peakBytes: 5e9 },
      ],
    },
  ],
};

test('rows/s follow from a stage’s seconds; ratios are ours over the other’s, least by least and median by median', () => {
  const [stages, selection] = scale.tables(data);
  expect(stages.caption).toContain('2,000,000 rows of 128 tokens, from 1.40 GB of text');
  expect(stages.rows).toEqual([['prepare', '400', '5,000', '0.60']]);
  expect(selection.rows).toEqual([
    ['ours', '24.0 / 27.0', '', '0.80'],
    ['plain', '30.0 / 36.0', '0.80 / 0.75', '5.00'],
  ]);
});
