import { expect, test } from 'vitest';
import { tokenizing } from '../../bench/benches/tokenizing.js';

test('MB/s follow from the median processor time', () => {
  const [table] = tokenizing.tables({ bytes: 10_000_000, cases: [{ name: 'llama-3', milliseconds: [1_000, 500, 400] }] });
  expect(table.rows).toEqual([['llama-3', '400 / 500 ms', '20.0']]);
});

test('each pre-tokenizer is one that encodes', async () => {
  const data = await tokenizing.run({ pyTorch: { unavailable: 'not asked for' }, repeats: 1, alone: false, tuned: false, only: ['qwen'], say: () => undefined });
  expect(data.cases.map(({ name }) => name)).toEqual(['qwen']);
  expect(data.bytes).toBeGreaterThan(10e6);
  expect(data.cases[0].milliseconds[0]).toBeGreaterThan(0);
}, 120_000);
