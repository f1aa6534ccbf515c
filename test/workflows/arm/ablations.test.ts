import { describe, expect, test } from 'vitest';
import { loadConfig, type RunConfig } from '../../../config/index.js';
import { recordInputs, resultOf } from '../recorded-inputs.js';

/** From `--set` to what the stages of a run are handed. What the bilevel stage makes of it is in test/fixtures-suite and test/bilevel. */
const configOf = (...overrides: string[]): RunConfig => loadConfig({ source: 'smoke', overrides: ['rounds=3', ...overrides], cwd: process.cwd() }).config;
const [bliss, random] = ['bliss', 'random'].map((arm) => (stage: string) => `seed-0/${arm}/${stage}`);

describe('a score model', () => {
  test('goes over from round to round', async () => {
    const stages = await recordInputs({ config: configOf() });
    expect([1, 2, 3].map((round) => stages.of('bilevel', bliss(`round-${round}/bilevel`)).scorer)).toEqual([null, resultOf(bliss('round-1/bilevel')), resultOf(bliss('round-2/bilevel'))]);
  });

  test('is made anew in each round with score.inherit=false, out of the same proxy', async () => {
    const stages = await recordInputs({ config: configOf('bilevel.score.inherit=false') });
    const inputs = [1, 2, 3].map((round) => stages.of('bilevel', bliss(`round-${round}/bilevel`)));
    expect(inputs.map(({ scorer }) => scorer)).toEqual([null, null, null]);
    for (const { proxy } of inputs) expect(proxy).toEqual(resultOf('seed-0/warm-up/proxy'));
    // each head is drawn by its round's seed
    expect(new Set(inputs.map(({ seed }) => seed)).size).toBe(3);
  });
});

test('the peak learning rate is the same in every round and branch, or halved from round to round', async () => {
  const peaks = async (...overrides: string[]): Promise<number[][]> => {
    const stages = await recordInputs({ config: configOf('pretraining.peakLearningRate=0.008', ...overrides) });
    return [1, 2, 3].map((round) => ['pretraining', 'decay'].map((stage) => stages.of('training', bliss(`round-${round}/${stage}`)).schedule.peak));
  };
  expect(await peaks()).toEqual([[0.008, 0.008], [0.008, 0.008], [0.008, 0.008]]);
  const halved = [[0.008, 0.008], [0.004, 0.004], [0.002, 0.002]];
  expect(await peaks('pretraining.peakLearningRatePerRound=halved')).toEqual(halved);
  expect(await peaks('parity=release')).toEqual(halved);
});

test('a corpus is shuffled by the run’s seed, or by one for all', async () => {
  const shuffled = (...overrides: string[]): Promise<string[]> =>
    Promise.all([3, 5].map(async (seed) => (await recordInputs({ config: configOf('seeds=[3,5]', ...overrides), seed })).of('prepare', `seed-${seed}/prepare`).seed));
  expect(await shuffled()).toEqual(['3', '5']);
  expect(await shuffled('data.shuffleSeed=9')).toEqual(['9', '9']);
});

test('the first round of an arm warms its learning rate up, the later ones go on at the peak that it came to', async () => {
  const stages = await recordInputs({ config: configOf('pretraining.warmUpSteps=7', 'pretraining.peakLearningRate=0.008') });
  for (const arm of [bliss, random]) {
    const schedules = [1, 2, 3].map((round) => stages.of('training', arm(`round-${round}/pretraining`)).schedule);
    expect(schedules).toEqual([7, 0, 0].map((warmUpSteps) => ({ type: 'wsd', peak: 0.008, warmUpSteps })));
  }
});

describe('what chance draws', () => {
  const drawn = async (...overrides: string[]): Promise<Record<string, readonly string[]>> => {
    const both = await Promise.all([0, 7].map(async (seed) => ({ seed, stages: await recordInputs({ config: configOf('seeds=[0,7]', ...overrides), seed }) })));
    const of = (stage: string): string[] => both.map(({ seed, stages }) => stages.of('selection', `seed-${seed}/${stage}`).seed);
    return {
      warmUp: of('warm-up/selection'),
      random: of('random/round-2/selection'),
      bliss: of('bliss/round-2/selection'),
      corpus: both.map(({ seed, stages }) => stages.of('prepare', `seed-${seed}/prepare`).seed),
    };
  };

  test('follows the run’s seed', async () => {
    expect(await drawn()).toEqual({ warmUp: ['0/warm-up', '7/warm-up'], random: ['0/round-2', '7/round-2'], bliss: ['0/round-2', '7/round-2'], corpus: ['0', '7'] });
  });

  test('is the same for every seed with selection.randomRows=fixed', async () => {
    expect(await drawn('selection.randomRows=fixed')).toMatchObject({ warmUp: ['fixed/warm-up', 'fixed/warm-up'], random: ['fixed/round-2', 'fixed/round-2'], bliss: ['0/round-2', '7/round-2'] });
  });

  test('are the very rows with parity=release: they are drawn out of one corpus, shuffled once', async () => {
    expect(await drawn('parity=release')).toMatchObject({ random: ['fixed/round-2', 'fixed/round-2'], corpus: ['0', '0'] });
  });
});

test.each([
  ['selection.method=top-k-float16', { method: 'top-k-float16', trainedRows: 'flag' }],
  ['selection.trainedRows=exclude', { method: 'top-k', trainedRows: 'exclude' }],
  ['parity=release', { method: 'top-k-float16', trainedRows: 'flag' }],
] as const)('%s: how rows are ranked and which may be reaches the selection', async (override, expected) => {
  const exclude = override === 'selection.trainedRows=exclude' ? ['bilevel.trainingFraction=0.5'] : [];
  const stages = await recordInputs({ config: configOf(override, ...exclude) });
  expect(stages.of('selection', bliss('round-2/selection'))).toMatchObject(expected);
  expect(stages.of('selection', random('round-2/selection')).selector).toBe('random');
});

test('the bilevel section and both models reach the bilevel stage as they are, in every round', async () => {
  const config = configOf('bilevel.klWeight=0', 'bilevel.innerSteps=5', 'bilevel.weights=raw', 'bilevel.solver.method=cg');
  const stages = await recordInputs({ config });
  for (const round of [1, 2, 3]) expect(stages.of('bilevel', bliss(`round-${round}/bilevel`))).toMatchObject({ bilevel: config.bilevel, models: config.models });
  expect(config.bilevel).toMatchObject({ klWeight: 0, innerSteps: 5, weights: 'raw', solver: { method: 'cg' } });
});
