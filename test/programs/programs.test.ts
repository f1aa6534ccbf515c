import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel, nextTokenLosses } from '../../lib/models/index.js';
import {
  createBilevelProgram, createEvaluationProgram, createScoringProgram, createTrainingProgram, ProgramCache, type BilevelProgram, type TrainingProgram,
} from '../../lib/programs/index.js';
import { tf, type NamedArrays, type NamedTensors } from '../../lib/tensor/index.js';
import { batchSize, bilevelSpec, difference, initialState, mask, model, scoreWeights, sizes, tokens, trainingSpec, weights } from './small.js';

const tensors = (arrays: NamedArrays, shapes: Readonly<Record<string, readonly number[]>>): NamedTensors =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tf.tensor(array, [...shapes[name]])]));

function train(program: TrainingProgram, steps: number): { losses: number[]; state: NamedArrays } {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(program.step({ ids: tokens(batchSize, i % 2), learningRate: 1e-2, update: i + 1 }).loss);
  return { losses, state: program.getState() };
}

function outerSteps(program: BilevelProgram, steps: number) {
  const seen: number[] = [];
  for (let i = 0; i < steps; i++) {
    const inner = program.innerStep({ ids: tokens(batchSize, 'inner', i), learningRate: 1e-3, update: i + 1, first: i === 0 });
    const outer = program.outerStep({ validationIds: tokens(3, 'validation'), validationMask: mask(3), ids: tokens(batchSize, 'outer', i), learningRate: 1e-3, update: i + 1, proxyUpdates: i + 1, first: i === 0 });
    seen.push(inner.lowerLoss, inner.weightedCrossEntropy, inner.kl, inner.gradientNorm, ...inner.scores, outer.upperLoss, ...outer.scores, ...outer.alignment, outer.hypergradientNorm, outer.zNorm, outer.zCosine, outer.residualNorm, outer.relativeResidual);
  }
  return { seen, state: program.getState() };
}

/** weights only: AdamW's first steps divide by a root of tiny squares, which magnifies the last bit of a nearly zero gradient */
function expectSameState(found: NamedArrays, wanted: NamedArrays, tolerance: number): void {
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  for (const [name, array] of Object.entries(wanted)) expect(difference(found[name], array), name).toBeLessThan(tolerance);
}

describe('training', () => {
  test('compiled, as a plain graph and eagerly: the same losses and weights; the loss falls; a replay has the same bits', async () => {
    const results = [];
    for (const mode of ['eager', 'graph', 'xla'] as const) {
      const program = await createTrainingProgram(trainingSpec(mode));
      const start = initialState(program.getState());
      program.setState(start);
      const first = train(program, 6);
      program.setState(start);
      expect(train(program, 6), `${mode} replay`).toEqual(first);
      results.push(first);
      program.dispose();
    }
    const [eager, ...compiled] = results;
    expect(eager.losses[5]).toBeLessThan(eager.losses[1]);
    for (const { losses, state } of compiled) {
      expect(difference(losses, eager.losses)).toBeLessThan(1e-5);
      // the key's third of the QKV bias has a gradient of zero in theory: AdamW makes steps of its rounding
      const without = (arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).filter(([name]) => !name.endsWith('query_key_value.bias')));
      expectSameState(without(state), without(eager.state), 2e-4);
    }
  });

  test('the first loss is the mean next-token cross-entropy of the model, and the step is the one of AdamW', async () => {
    const program = await createTrainingProgram(trainingSpec('graph'));
    program.setState(initialState(program.getState()));
    const shapes = createModel(model).shapes(sizes.vocabularySize);
    const ids = tokens(batchSize, 0);
    const tensor = tf.tensor2d(ids, [batchSize, sizes.sequenceLength], 'int32');
    const losses = nextTokenLosses({ model: createModel(model), params: tensors(weights('a'), shapes), ids: tensor, causal: true });
    const { loss, gradientNorm } = program.step({ ids, learningRate: 0.01, update: 1 });
    expect(loss).toBeCloseTo(tf.mean(losses).dataSync()[0], 5);
    const state = program.getState();
    const before = weights('a');
    const scale = Math.min(1, 1 / (gradientNorm + 1e-6));
    expect(scale).toBeLessThanOrEqual(1);
    for (const name of Object.keys(shapes)) {
      // m = 0.1 g and u = 0.05 g² tell the clipped gradient; the update follows from it in float64
      const wanted = Float64Array.from(before[name], (p, i) => {
        const m = state[`adam.m/${name}`][i];
        const u = state[`adam.u/${name}`][i];
        return p * (1 - 0.01 * 0.1) - (0.01 * (m / 0.1)) / (Math.sqrt(u / 0.05) + 1e-8);
      });
      expect(difference(state[`params/${name}`], wanted), name).toBeLessThan(1e-5);
    }
    const norm = Math.sqrt(Object.keys(shapes).reduce((sum, name) => sum + Array.from(state[`adam.m/${name}`]).reduce((s, m) => s + (m / 0.1) ** 2, 0), 0));
    expect(norm).toBeCloseTo(gradientNorm * scale, 4);
    program.dispose();
  });

  test('state is checked by name', async () => {
    const program = await createTrainingProgram(trainingSpec('graph'));
    const state = initialState(program.getState());
    expect(Object.keys(program.shapes)).toEqual(Object.keys(state));
    expect(Object.keys(program.shapes)[0]).toMatch(/^params\/gpt_neox/);
    expect(() => program.step({ ids: tokens(batchSize), learningRate: 1, update: 1 })).toThrow('has no value yet');
    const missing = Object.fromEntries(Object.entries(state).slice(1));
    expect(() => program.setState(missing)).toThrow(/'params\/gpt_neox.*is missing/);
    expect(() => program.setState({ ...state, 'params/more': new Float32Array(1) })).toThrow("no variable 'params/more'");
    program.setState(state);
    expect(() => program.step({ ids: tokens(batchSize - 1), learningRate: 1, update: 1 })).toThrow("training.step: input 'ids'");
    program.dispose();
  });
});

describe('bilevel', () => {
  test.each([
    ['as by default', {}, 2],
    // one step: in a second one the constant in all logits is what AdamW made of rounding
    ['with weights of logits and AdamW’s preconditioner', { weights: 'logits', temperature: 0.5, solver: { method: 'identity', preconditioner: 'adam' } }, 1],
  ] as const)('%s, compiled, as a plain graph and eagerly: the same figures to 1e-5; a replay has the same bits', async (_, section, steps) => {
    const results = [];
    for (const mode of ['eager', 'graph', 'xla'] as const) {
      const program = await createBilevelProgram(bilevelSpec(mode, section));
      const start = initialState(program.getState());
      program.setState(start);
      const first = outerSteps(program, steps);
      program.setState(start);
      expect(outerSteps(program, steps), `${mode} replay`).toEqual(first);
      results.push(first);
      program.dispose();
    }
    const [eager, ...compiled] = results;
    // a_i along a preconditioned z is a difference of terms as long as z: that is what it is rounded by
    const isLong = 'solver' in section;
    const longest = Math.max(...eager.seen.map(Math.abs));
    for (const { seen } of compiled) {
      seen.forEach((value, i) => expect(Math.abs(value - eager.seen[i]), `figure ${i}: ${value}, ${eager.seen[i]}`).toBeLessThan(1e-5 * Math.max(isLong ? longest : 1, Math.abs(eager.seen[i]))));
    }
  }, 120_000);

  test('a cold start keeps z too: its norm, the cosine to the z before and the residual relative to ∇F, in float64 from the states', async () => {
    const step = (i: number) => ({ validationIds: tokens(3, 'validation'), validationMask: mask(3), ids: tokens(batchSize, 'outer', i), learningRate: 1e-3, update: i + 1, proxyUpdates: i + 1, first: i === 0 });
    const identity = await createBilevelProgram(bilevelSpec('graph', { solver: { method: 'identity' } }));
    identity.setState(initialState(identity.getState()));
    const { zNorm: normOfGradient, ...ofIdentity } = identity.outerStep(step(0));
    expect(ofIdentity).toMatchObject({ residualNorm: 0, relativeResidual: 0, zCosine: 0 });
    identity.dispose();

    const program = await createBilevelProgram(bilevelSpec('graph', { solver: { steps: 1, method: 'cg', curvature: 'gauss-newton' } }));
    expect(Object.keys(program.shapes).filter((name) => name.startsWith('normaliser/'))).toEqual([]);
    program.setState(initialState(program.getState()));
    const z = (): number[] => Object.entries(program.getState()).flatMap(([name, array]) => (name.startsWith('z/') ? [...array] : []));
    const inner = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
    let before = z();
    expect(before.every((x) => x === 0)).toBe(true);
    for (let i = 0; i < 3; i++) {
      const figures = program.outerStep(step(i));
      const now = z();
      expect(figures.zNorm).toBeCloseTo(Math.sqrt(inner(now, now)), 5);
      const cosine = i === 0 ? 0 : inner(now, before) / Math.sqrt(inner(now, now) * inner(before, before));
      expect(Math.abs(figures.zCosine - cosine)).toBeLessThan(1e-5);
      if (i > 0) expect(figures.zCosine).toBeGreaterThan(0.05); // of one and the same validation batch
      if (i === 0) expect(figures.relativeResidual).toBeCloseTo(figures.residualNorm / normOfGradient, 5);
      expect(figures.relativeResidual).toBeGreaterThan(0.01);
      before = now;
    }
    program.dispose();
  });

  test('the target stays; proxy, score model, z and the normaliser move', async () => {

    const program = await createBilevelProgram(bilevelSpec('graph', { normaliser: 'stale', solver: { start: 'warm', method: 'cg', curvature: 'gauss-newton', steps: 1 } }));
    const start = initialState(program.getState());
    program.setState(start);
    const { state } = outerSteps(program, 1);
    const moved = (name: string): boolean => difference(state[name], start[name]) > 0;
    expect(Object.keys(program.shapes).filter((name) => name.startsWith('target/')).some(moved)).toBe(false);
    for (const group of ['proxy/', 'proxy.adam.m/', 'proxy.adam.u/', 'score/', 'score.adam.m/', 'score.adam.u/', 'z/', 'normaliser/']) {
      const names = Object.keys(program.shapes).filter((name) => name.startsWith(group));
      expect(names.length, group).toBeGreaterThan(0);
      expect(names.some(moved), group).toBe(true);
    }
    // max s and Σ exp(s − max) of the last outer minibatch, from the scores before the update
    expect(state['normaliser/sum'][0]).toBeGreaterThan(1);
    expect(state['normaliser/sum'][0]).toBeLessThanOrEqual(batchSize);
    program.dispose();
  }, 120_000);
});

test("a row's score is its model's logit, and depends on neither its place nor its neighbours", async () => {
  const shapes = createScoreModel(createModel(model)).shapes(sizes.vocabularySize);
  const params = scoreWeights('a');
  const ids = tokens(batchSize, 'scored');
  const T = sizes.sequenceLength;
  for (const mode of ['graph', 'xla'] as const) {
    const program = await createScoringProgram({ model, ...sizes, batchSize, mode });
    program.setState(params);
    const scores = program.score(ids);
    const tensor = tf.tensor2d(ids, [batchSize, T], 'int32');
    const eager = createScoreModel(createModel(model)).logits({ params: tensors(params, shapes), ids: tensor });
    expect(difference(scores, eager.dataSync())).toBeLessThan(1e-5);
    const others = tokens(batchSize, 'others');
    others.set(ids.subarray(2 * T, 3 * T), 2 * T);
    expect(program.score(others)[2], mode).toBe(scores[2]);
    program.dispose();
  }
});

// all logits at once, and those of five positions
test.each([undefined, 5 * sizes.vocabularySize])('evaluation gives the loss and the hit of every next token, of %s logits at once', async (logitsAtOnce) => {
  const shapes = createModel(model).shapes(sizes.vocabularySize);
  const ids = tokens(batchSize, 'evaluated');
  const T = sizes.sequenceLength;
  const logits = createModel(model)
    .logits({ params: tensors(weights('a'), shapes), ids: tf.tensor2d(ids, [batchSize, T], 'int32'), causal: true })
    .arraySync() as number[][];
  // one hit for sure: the last token of row 0 becomes what the model expects there
  ids[T - 1] = logits[T - 2].indexOf(Math.max(...logits[T - 2]));
  const program = await createEvaluationProgram({ model, ...sizes, batchSize, mode: 'xla', ...(logitsAtOnce === undefined ? {} : { logitsAtOnce }) });
  program.setState(weights('a'));
  const { negativeLogLikelihood, correct } = program.evaluate(ids);
  expect(negativeLogLikelihood).toHaveLength(batchSize * (T - 1));
  expect(correct).toHaveLength(batchSize * (T - 1));
  expect(correct[T - 2]).toBe(1);
  for (let row = 0; row < batchSize; row++) {
    for (let t = 0; t < T - 1; t++) {
      const at = logits[row * T + t];
      const target = ids[row * T + t + 1];
      const max = Math.max(...at);
      const nll = max + Math.log(at.reduce((sum, x) => sum + Math.exp(x - max), 0)) - at[target];
      expect(Math.abs(negativeLogLikelihood[row * (T - 1) + t] - nll)).toBeLessThan(1e-5 * nll);
      expect(correct[row * (T - 1) + t]).toBe(Number(at.indexOf(max) === target));
    }
  }
  program.dispose();
});

test('equal specifications share a program; beyond the limit the one used longest ago goes', async () => {
  const cache = new ProgramCache({ limit: 2 });
  const scoring = (batch: number) => cache.scoring({ model, ...sizes, batchSize: batch, mode: 'eager' });
  const one = await scoring(1);
  const two = await scoring(2);
  expect(await cache.scoring({ mode: 'eager', batchSize: 1, ...sizes, model: { ...model } })).toBe(one); // key order does not matter
  one.setState(scoreWeights('a'));
  two.setState(scoreWeights('a'));
  const three = await scoring(3);
  expect(one.score(tokens(1))).toHaveLength(1);
  expect(() => two.score(tokens(2))).toThrow('disposed');
  expect(await scoring(2)).not.toBe(two);
  expect(() => one.score(tokens(1))).toThrow('disposed'); // longest ago by now
  await cache.clear();
  expect(() => three.getState()).not.toThrow(); // never set: zeros
});

test('beyond the bytes of their variables programs go too, but for those of the stage that runs', async () => {
  const scoring = (cache: ProgramCache, batch: number) => cache.scoring({ model, ...sizes, batchSize: batch, mode: 'eager' });
  const { bytes } = await scoring(new ProgramCache(), 1);
  const weightBytes = Object.values(scoreWeights('a')).reduce((sum, array) => sum + array.byteLength, 0);
  expect(bytes).toBe(weightBytes);
  const cache = new ProgramCache({ bytes: 2.5 * bytes });
  const all = [await scoring(cache, 1), await scoring(cache, 2), await scoring(cache, 3)];
  for (const program of all) program.setState(scoreWeights('a'));
  all.forEach((program, i) => expect(program.score(tokens(i + 1))).toHaveLength(i + 1)); // all are in use
  await cache.stageEnded();
  expect(() => all[0].score(tokens(1))).toThrow('disposed');
  expect(all[2].score(tokens(3))).toHaveLength(3);
  expect(await scoring(cache, 2)).toBe(all[1]);
  // of the next stage a fourth makes room by the one that the stage has not asked for
  await scoring(cache, 4);
  expect(() => all[2].score(tokens(3))).toThrow('disposed');
  expect(all[1].score(tokens(2))).toHaveLength(2);
  await cache.clear();
});

test('what does not change the program does not tell bilevel sections apart; a failed build is tried again', async () => {
  const cache = new ProgramCache();
  const { bilevel: _, ...spec } = bilevelSpec('eager');
  const section = (changes: object) => bilevelSchema.parse({ batchSize, validationBatchSize: 3, ...changes });
  const first = await cache.bilevel({ ...spec, bilevel: section({}) });
  expect(await cache.bilevel({ ...spec, bilevel: section({ outerSteps: 7, innerSteps: 5, checkpointEvery: 3 }) })).toBe(first);
  expect(await cache.bilevel({ ...spec, bilevel: section({ klWeight: 0.5 }) })).not.toBe(first);
  const wrong = { ...model, heads: 3 };
  for (let i = 0; i < 2; i++) await expect(cache.scoring({ model: wrong, ...sizes, batchSize, mode: 'eager' })).rejects.toThrow('does not divide into 3 heads');
  await cache.clear();
});
