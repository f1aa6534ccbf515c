import { expect, test } from 'vitest';
import { fixtures, found, holds, runnable } from './folder.js';

const parts = ['outer-step/toy.json', 'tiny-neox/expected.json', 'tiny-llama/expected.json', 'parquet', 'tokenizer-cases.json', 'lm-eval/expected.json'].filter((part) => holds(...part.split('/')));
const tried = [...runnable.map(({ name }) => name), ...parts];

test(`something of the layout is in ${fixtures}: ${tried.join(', ') || 'nothing'}`, () => {
  expect(tried, `nothing that can be run is in ${fixtures}`).not.toEqual([]);
});

test('every recording has steps', () => {
  for (const { name, recording } of found) expect(Object.values(recording.steps).some((steps) => (steps?.length ?? 0) > 0), name).toBe(true);
});
