import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createScoreModel, createModel } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram, type BilevelSpec } from '../../lib/programs/index.js';
import { randomStream } from '../../lib/random.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { bilevelSpec, initialState, llama, sizes, tokens } from './small.js';

/*
 * A step in micro-batches is the step of the whole minibatch: sums over rows are added up and divided once. Each variant is held against the same settings in one
 * batch, which test/bilevel and the fixtures hold against float64, PyTorch and the release.
 */
const T = sizes.sequenceLength;
const n = 6;
const m = 4;
type Section = z.input<typeof bilevelSchema>;

/** Rows of different numbers of targets and of different lengths, so that a mean of means is another number. */
function validationMask(step: number): Float32Array {
  const random = randomStream('parts', 'mask', step);
  const lengths = [T, 5, 8, 6];
  return Float32Array.from({ length: m * T }, (_, i) => (i % T < lengths[Math.floor(i / T)] && random.uniform() < 0.2 + 0.15 * Math.floor(i / T) ? 1 : 0));
}

interface Taken {
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
  readonly state: NamedArrays;
}

/** What one inner and one outer step find, each from the beginning; and a state two outer steps of two inner steps each later. */
async function steps(section: Section, spec: Partial<BilevelSpec> = {}): Promise<{ readonly inner: Taken; readonly outer: Taken; readonly later: Taken }> {
  const settings = bilevelProgramSettings(bilevelSchema.parse({ batchSize: n, validationBatchSize: m, klWeight: 0.3, l2Weight: 1e-2, innerSteps: 2, ...section }));
  const whole: BilevelSpec = { ...bilevelSpec('graph'), bilevel: settings, ...spec };
  const program = await createBilevelProgram(whole);
  const random = randomStream('parts', 'moments');
  // second moments as after some steps: with none z would be ∇F over ε, and a_i − ā nothing but rounding
  const beginning = Object.fromEntries(Object.entries(initialState(program.getState(), whole.proxy)).map(([name, array]) => [name, name.startsWith('proxy.adam.u/') ? Float32Array.from(array, () => 1e-4 * (0.5 + random.uniform())) : array]));
  const score = createScoreModel(createModel(whole.proxy), settings.features).init({ vocabularySize: sizes.vocabularySize, seed: 'score' });
  const begin = (): void => program.setState({ ...beginning, ...Object.fromEntries(Object.entries(score).map(([name, array]) => [`score/${name}`, array])) });
  const features = (of: string) => {
    const normal = randomStream('parts', 'features', of);
    return settings.features === undefined ? {} : { features: Float32Array.from({ length: n * settings.features.count }, () => normal.normal()) };
  };
  const inner = (step: number, k: number): Taken => {
    const found = program.innerStep({ ids: tokens(n, 'inner', step, k), ...features(`inner ${step} ${k}`), learningRate: 1e-3, update: 2 * step + k + 1, first: step === 0 });
    return { values: numbers(found), state: program.getState() };
  };
  const outer = (step: number): Taken => {
    const found = program.outerStep({ validationIds: tokens(m, 'validation', step), validationMask: validationMask(step), ids: tokens(n, 'outer', step), ...features(`outer ${step}`), learningRate: 1e-3, update: step + 1, proxyUpdates: 2 * (step + 1), first: step === 0 });
    return { values: numbers(found), state: program.getState() };
  };
  begin();
  const first = inner(0, 0);
  begin();
  const firstOuter = outer(0);
  begin();
  let later = first;
  for (const step of [0, 1]) {
    for (const k of [0, 1]) inner(step, k);
    later = outer(step);
  }
  const ranks: Taken['values'] = settings.ranks === true ? { rank: program.rank({ ids: tokens(n, 'rank'), ...features('rank') }) } : {};
  program.dispose();
  return { inner: first, outer: firstOuter, later: { ...later, values: { ...later.values, ...ranks } } };
}
const numbers = (found: Readonly<Record<string, number | Float32Array>>): Taken['values'] => Object.fromEntries(Object.entries(found).map(([name, value]) => [name, typeof value === 'number' ? [value] : value]));

const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, value) => sum + value ** 2, 0));
/** ‖a − b‖ / ‖b‖ of all elements of one kind together, as a vector of one tensor may be nothing but rounding */
function distance(a: Readonly<Record<string, ArrayLike<number>>>, b: Readonly<Record<string, ArrayLike<number>>>, of: (name: string) => boolean = () => true): number {
  const names = Object.keys(b).filter(of);
  expect(Object.keys(a).filter(of)).toEqual(names);
  const [left, right] = [names.flatMap((name) => Array.from(a[name])), names.flatMap((name) => Array.from(b[name]))];
  return norm(left.map((value, i) => value - right[i])) / (norm(right) || 1);
}

/** ε above the rounding of gradients that are zero in theory: AdamW would make whole steps of it */
const damped = { proxy: { adam: { epsilon: 1e-3 } }, score: { adam: { epsilon: 1e-3 } } };
const variants: readonly (readonly [string, Section])[] = [
  ['the default solver', {}],
  ['gd of three steps from 1/numel, stale normaliser, eight devices, a proxy that sees ahead: the release', { solver: { steps: 3, start: 'release' }, normaliser: 'stale', referenceDevices: 8, causalProxy: false }],
  ['gd from the z before, Gauss-Newton', { solver: { steps: 2, start: 'warm', curvature: 'gauss-newton' } }],
  ['cg from zero', { solver: { method: 'cg', steps: 3, curvature: 'gauss-newton', damping: 0.1 } }],
  ['cg from the z before, exact Hessian', { solver: { method: 'cg', steps: 2, start: 'warm', damping: 1 } }],
  ['neumann', { solver: { method: 'neumann', steps: 3, learningRate: 0.1 } }],
  ['identity, KL of the paper', { solver: { method: 'identity' }, klDirection: 'proxy-target' }],
  ['weights of logits, influence through AdamW, rows ranked on the way', { weights: 'logits', temperature: 0.5, solver: { method: 'identity', preconditioner: 'adam' }, stopAt: { rankCorrelation: 1, every: 2 } }],
  ['raw weights', { weights: 'raw' }],
  ['features beside a backbone', { weights: 'logits', solver: { method: 'identity' }, score: { ...damped.score, features: ['dsir', 'color'], featureScale: 4 } }],
  ['features alone', { weights: 'logits', solver: { method: 'identity' }, score: { ...damped.score, features: ['dsir'], backbone: false } }],
];

describe('a bilevel step in micro-batches', () => {
  /** numbers one by one, vectors of one kind as a whole: of a single tensor there may be nothing but rounding */
  function expectSame(many: Taken, one: Taken, within: number, groups: readonly string[]): void {
    for (const [name, value] of Object.entries(one.values)) {
      const scale = /zCosine|negativeCurvature|relativeResidual/.test(name) ? 1 : norm(value) || 1;
      expect(norm(Array.from(many.values[name], (x, i) => x - value[i])) / scale, name).toBeLessThan(within);
    }
    for (const group of groups) expect(distance(many.state, one.state, (name) => name.startsWith(group)), group).toBeLessThan(within);
  }

  test.each(variants)('is that of the whole minibatch: %s', async (_, section) => {
    const one = await steps({ ...damped, ...section });
    for (const parts of [{ microBatchSize: 2, validationMicroBatchSize: 1 }, { microBatchSize: 3 }, { validationMicroBatchSize: 2 }]) {
      const many = await steps({ ...damped, ...section, ...parts });
      // the moments of a first step are its clipped gradients, times 1 − β
      expectSame(many.inner, one.inner, 1e-6, ['proxy.adam.m/']);
      expectSame(many.outer, one.outer, 1.5e-6, ['z/', 'score.adam.m/']);
      // AdamW divides what rounding left by what is nearly nothing
      expectSame(many.later, one.later, 2e-5, ['z/', 'proxy/', 'score/', 'score.adam.m/']);
    }
  }, 120_000);

  test('holds for LLaMA, blocks that are computed again and logits in small parts', async () => {
    const of = { proxy: llama, target: llama, recompute: 'blocks', logitsAtOnce: sizes.vocabularySize * 5 } as const;
    const one = await steps({ ...damped, solver: { steps: 2 } }, { ...of, recompute: 'none' });
    const many = await steps({ ...damped, solver: { steps: 2 }, microBatchSize: 2, validationMicroBatchSize: 2 }, of);
    expectSame(many.inner, one.inner, 1e-6, ['proxy.adam.m/']);
    expectSame(many.outer, one.outer, 1e-5, ['z/', 'score.adam.m/']);
  }, 120_000);

  test('holds under XLA', async () => {
    const section: Section = { ...damped, solver: { method: 'cg', steps: 1 } };
    const one = await steps(section);
    const many = await steps({ ...section, microBatchSize: 2, validationMicroBatchSize: 2 }, { mode: 'xla' });
    expectSame(many.inner, one.inner, 1e-6, ['proxy.adam.m/']);
    expectSame(many.outer, one.outer, 1e-5, ['z/', 'score.adam.m/']);
  }, 120_000);

  test('is tried on minibatches whose parts count different numbers of tokens: a mean of their means is another number', () => {
    const mask = validationMask(0);
    const counts = [0, 1].map((half) => mask.subarray(half * 2 * T, (half + 1) * 2 * T).reduce((a, b) => a + b, 0));
    expect(counts[0]).not.toBe(counts[1]);
  });

  test('has the state of one batch by its names, so that a checkpoint of either is read by the other', async () => {
    const [one, parts] = [await createBilevelProgram(bilevelSpec('graph')), await createBilevelProgram(bilevelSpec('graph', { microBatchSize: 2, validationMicroBatchSize: 1 }))];
    expect(parts.shapes).toEqual(one.shapes);
    expect(parts.digest).not.toBe(one.digest);
    one.dispose();
    parts.dispose();
  });

  test('is of whole parts only', async () => {
    await expect(createBilevelProgram(bilevelSpec('graph', { microBatchSize: 3 }))).rejects.toThrow('micro-batches of 3 rows do not make up a minibatch of 4');
  });
});
