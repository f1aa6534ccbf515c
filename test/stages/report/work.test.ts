import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../../config/sections/bilevel.js';
import { loadConfig, type RunConfig } from '../../../config/index.js';
import { matesSchema } from '../../../config/sections/mates.js';
import { zSolvers, type CurvatureProduct, type SolverSettings } from '../../../lib/bilevel/index.js';
import { flopsPerToken } from '../../../lib/models/index.js';
import { tf } from '../../../lib/tensor/index.js';
import { workOf } from '../../../lib/stages/report/work.js';

const nothing = { uri: '', sha256: '', size: 0, digest: '' };
const { config } = loadConfig({ source: 'smoke' });
const learnt = { models: config.models, sequenceLength: config.data.sequenceLength, corpus: nothing, group: 1, seed: '', proxy: nothing, target: nothing, ...config.runtime };
/** of a row */
const forward = (model: RunConfig['models']['proxy'], vocabularySize = config.models.vocabularySize): number => learnt.sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength: learnt.sequenceLength }).forward;

describe('bilevel', () => {
  const bilevelOf = (solver: Partial<SolverSettings>): RunConfig['bilevel'] => ({ ...config.bilevel, solver: { ...bilevelSchema.parse({}).solver, steps: 4, ...solver } });
  const flopsOf = (bilevel: RunConfig['bilevel']): number => workOf('bilevel', { ...learnt, bilevel, scorer: null }, config).flops;

  /** products with H that the solver does, counted as it asks for them */
  function productsOf(settings: SolverSettings): number {
    let products = 0;
    const vector = { a: tf.tensor1d([1, 2]) };
    const curvature: CurvatureProduct = (direction) => {
      products++;
      return direction;
    };
    zSolvers[settings.method].solve({ curvature, gradient: vector, start: settings.start === 'zero' ? undefined : vector, settings });
    return products;
  }

  test.each([
    ['gd', 3, 'zero', 2],
    ['gd', 4, 'release', 4],
    ['gd', 4, 'warm', 4],
    ['neumann', 5, 'zero', 4],
    ['neumann', 4, 'warm', 4],
    ['cg', 1, 'zero', 1],
    ['cg', 4, 'zero', 4],
    ['cg', 4, 'warm', 5],
  ] as const)('%s of %i steps from %s counts the %i products that the solver asks for, as six passes of the proxy each', (method, steps, start, products) => {
    const bilevel = bilevelOf({ method, steps, start });
    expect(productsOf(bilevel.solver)).toBe(products);
    const { outerSteps, batchSize } = bilevel;
    const { proxy, target } = config.models;
    // beside the products the divergence's gradient is made, and the target read
    const solved = outerSteps * batchSize * (forward(target) + (3 + 6 * products) * forward(proxy));
    expect((flopsOf(bilevel) - flopsOf(bilevelOf({ method: 'identity' }))) / solved).toBeCloseTo(1, 12);
  });

  test.each(['gd', 'neumann'] as const)('one step of %s from zero, which needs no product, counts as much as none', (method) => {
    expect(flopsOf(bilevelOf({ method, start: 'zero', steps: 1 }))).toBe(flopsOf(bilevelOf({ method: 'identity' })));
  });
});

test('a bilevel phase counts what its features take of each row of the group; without a backbone its score model takes nothing', () => {
  const { rowsPerGroup } = config.data;
  const flopsOf = (score: Partial<RunConfig['bilevel']['score']>, more: Partial<RunConfig['bilevel']> = {}): number => workOf('bilevel', { ...learnt, bilevel: { ...config.bilevel, ...more, score: { ...config.bilevel.score, ...score } }, scorer: null }, config).flops;
  const { proxy, target, vocabularySize } = config.models;
  expect((flopsOf({ features: ['color', 'dsir', 'color-target', 'perplexity-low'] }) - flopsOf({})) / (rowsPerGroup * (3 * forward(proxy) + 2 * forward(target)))).toBeCloseTo(1, 9);
  const score = forward(proxy) - learnt.sequenceLength * 2 * vocabularySize * proxy.width;
  const { outerSteps, innerSteps, batchSize } = config.bilevel;
  expect((flopsOf({ features: ['dsir'] }) - flopsOf({ features: ['dsir'], backbone: false })) / (outerSteps * batchSize * (innerSteps + 3) * score)).toBeCloseTo(1, 9);
  expect((flopsOf({}, { stopAt: { rankCorrelation: 1, every: 25 } }) - flopsOf({})) / (Math.floor(outerSteps / 25) * 512 * score)).toBeCloseTo(1, 9);
});

test('scores by excess loss take two passes: of the proxy, or of the target', () => {
  const flopsOf = (by: 'perplexity' | 'color' | 'recolor', models = config.models): number => workOf('scoring', { ...learnt, models, batchSize: 8, shards: { first: 0, end: 1 }, scorer: nothing, by }, config).flops;
  expect(flopsOf('color') / flopsOf('perplexity')).toBe(2);
  const larger = { ...config.models, target: { ...config.models.target, layers: 3 } };
  expect(flopsOf('recolor', larger) / flopsOf('recolor')).toBeCloseTo(forward(larger.target) / forward(config.models.target), 9);
  expect(flopsOf('color', larger)).toBe(flopsOf('color'));
});

test('MATES counts a probe as a step of one row and a pass over the validation set, and its regression as steps of a model without an output projection', () => {
  const settings = { ...matesSchema.parse({}), probes: 10, validationExamples: 6, batchSize: 2, epochs: 3, heldOutFraction: 0.2 };
  const { flops, amount } = workOf('mates', { ...learnt, mates: settings, validationLoss: 'last-word', adam: config.pretraining.adam, gradientClip: 1 }, config);
  const { proxy, target } = config.models;
  // eight probes are learnt from, three times: twelve minibatches of two
  expect(flops / (10 * (3 + 6) * forward(target) + 3 * 12 * 2 * forward(proxy, 0))).toBeCloseTo(1, 12);
  expect(amount).toBe(10 * (1 + 6) + 12 * 2);
});

test('the scoring of a group counts each of its rows once, whatever its shards and ranges are', () => {
  for (const [rowsPerGroup, rowsPerShard, perTask] of [[512, 128, 2], [512, 3, 4], [64, 1, 5], [100, 8192, 4]]) {
    const { models, scoring, runtime } = config;
    const data = { ...config.data, rowsPerGroup, rowsPerShard };
    const shards = Math.ceil(rowsPerGroup / rowsPerShard);
    let rows = 0;
    for (let first = 0; first < shards; first += perTask) {
      const range = { first, end: Math.min(shards, first + perTask) };
      rows += workOf('scoring', { models, sequenceLength: data.sequenceLength, batchSize: scoring.batchSize, corpus: nothing, group: 1, shards: range, scorer: nothing, ...runtime }, { ...config, data }).amount;
    }
    expect(rows).toBe(rowsPerGroup);
  }
});
