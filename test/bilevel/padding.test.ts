import { expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { upperLoss, withinLongest } from '../../lib/bilevel/index.js';
import { createModel } from '../../lib/models/index.js';
import { keyContent } from '../../lib/stages/execution/execute.js';
import { stageByName } from '../../lib/stages/index.js';
import { tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { recordInputs } from '../workflows/recorded-inputs.js';
import { idsOf, randomIds, tensorsOf, tinyConfig, tinyLlama, unsettle, vocabularySize } from '../models/tiny.js';
import { numbers, relativeError } from './tiny.js';

const [T, longest] = [8, 6];
const rows = randomIds({ rows: 2, length: T, seed: 5 });
const mask = [[0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0]];

test('the longest example ends with the last target of any', () => {
  expect(numbers(withinLongest(tf.tensor2d(mask)))).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
});

test.each([
  ['GPT-NeoX', tinyConfig, false],
  ['GPT-NeoX, blocks computed again', tinyConfig, true],
  ['LLaMA with two queries to a key', tinyLlama, false],
])('a proxy that is not causal sees the validation rows up to their longest and no further: %s', (_, config, recomputeBlocks) => {
  tf.tidy(() => {
    const proxy = createModel(config, { recomputeBlocks });
    const shapes = proxy.shapes(vocabularySize);
    const params = tensorsOf(unsettle(proxy.init({ vocabularySize, seed: 'p' }), 1), shapes);
    const of = (length: number, seen?: ReturnType<typeof withinLongest>) => {
      const [validationIds, validationMask] = [idsOf(rows.map((row) => row.slice(0, length))), tf.tensor2d(mask.map((row) => row.slice(0, length)))];
      return valueAndGradients((weights: NamedTensors) => upperLoss({ proxy, params: weights, validationIds, validationMask, causalProxy: false, ...(seen === undefined ? {} : { seen }) }), params);
    };
    const [cut, hidden, padded] = [of(longest), of(T, withinLongest(tf.tensor2d(mask))), of(T)];
    expect(Math.abs(numbers(hidden.value)[0] - numbers(cut.value)[0])).toBeLessThan(2e-6);
    expect(relativeError(hidden.gradients, cut.gradients)).toBeLessThan(1e-5);
    // what is hidden would matter
    expect(Math.abs(numbers(padded.value)[0] - numbers(cut.value)[0])).toBeGreaterThan(1e-3);
  });
});

test('what such a proxy learnt when it saw all of the padding is not found; the key of a causal one is as it was', async () => {
  const content = async (override: string): Promise<unknown> => {
    const { config } = loadConfig({ source: 'smoke', overrides: [override], cwd: process.cwd() });
    const input = (await recordInputs({ config })).of('bilevel', 'seed-0/bliss/round-1/bilevel');
    return (await keyContent(stageByName('bilevel'), { input, scope: '' })).input;
  };
  expect(await content('bilevel.causalProxy=true')).not.toHaveProperty('padding');
  expect(await content('bilevel.causalProxy=false')).toHaveProperty('padding');
});
