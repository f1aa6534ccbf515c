import { describe, expect, test } from 'vitest';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { createBilevelProgram, createRegressionProgram, createTrainingProgram, groupOf, momentShapes, stateOfTrained, trainedOfState, withoutGroup } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { bilevelSpec, model, scoreWeights, sizes, trainingSpec, weights } from './small.js';

const { vocabularySize } = sizes;
const lmShapes = createModel(model).shapes(vocabularySize);
const scoreShapes = createScoreModel(createModel(model)).shapes(vocabularySize);
const prefixed = <T>(prefix: string, of: Readonly<Record<string, T>>): [string, T][] => Object.entries(of).map(([name, value]) => [`${prefix}/${name}`, value]);
const zerosLike = (arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).map(([name, { length }]) => [name, new Float32Array(length)]));
const proxy = weights('a');
const target = weights('b');
const score = scoreWeights('a');

describe('a fresh state is the given groups, with nothing learnt beside them', () => {
  test.each([['stale', 1], ['fresh', 0]] as const)('of the bilevel phase, with a normaliser that is %s', async (normaliser, held) => {
    const program = await createBilevelProgram(bilevelSpec('eager', { normaliser }));
    const expected = Object.fromEntries([
      ...prefixed('proxy', proxy), ...prefixed('proxy.adam.m', zerosLike(proxy)), ...prefixed('proxy.adam.u', zerosLike(proxy)),
      ...prefixed('score', score), ...prefixed('score.adam.m', zerosLike(score)), ...prefixed('score.adam.u', zerosLike(score)),
      ...prefixed('target', target), ...prefixed('z', zerosLike(proxy)),
      ...(held === 1 ? [['normaliser/max', Float32Array.of(0)], ['normaliser/sum', Float32Array.of(1)]] as const : []),
    ]);
    const fresh = program.fresh({ proxy, score, target });
    expect(fresh).toEqual(expected);
    program.setState(fresh);
    expect(program.getState()).toEqual(expected);
    program.dispose();
  });

  test('of a regression and of a training', async () => {
    const { adam, gradientClip } = trainingSpec('eager');
    const regression = await createRegressionProgram({ model, ...sizes, batchSize: 2, adam, gradientClip, mode: 'eager' });
    expect(regression.fresh({ score })).toEqual(Object.fromEntries([...prefixed('score', score), ...prefixed('score.adam.m', zerosLike(score)), ...prefixed('score.adam.u', zerosLike(score))]));
    // sums of micro-batches are no part of a state
    const training = await createTrainingProgram({ ...trainingSpec('eager'), microBatchSize: 2 });
    expect(training.fresh({ params: proxy })).toEqual(Object.fromEntries([...prefixed('params', proxy), ...prefixed('adam.m', zerosLike(proxy)), ...prefixed('adam.u', zerosLike(proxy))]));
    regression.dispose();
    training.dispose();
  });

  test('a group that lacks a tensor is none to begin with', async () => {
    const program = await createTrainingProgram(trainingSpec('eager'));
    const [[lacking], ...rest] = Object.entries(proxy);
    expect(() => program.fresh({ params: Object.fromEntries(rest) })).toThrow(`training: params/${lacking} is missing from what its state begins with`);
    program.dispose();
  });
});

test('a program says the shapes of all its state, in the order in which it gives it', async () => {
  const program = await createBilevelProgram(bilevelSpec('eager', { normaliser: 'stale' }));
  expect(program.shapes).toEqual(Object.fromEntries([
    ...['proxy', 'proxy.adam.m', 'proxy.adam.u', 'target', 'z'].flatMap((group) => prefixed(group, lmShapes)),
    ...['score', 'score.adam.m', 'score.adam.u'].flatMap((group) => prefixed(group, scoreShapes)),
    ['normaliser/max', []], ['normaliser/sum', []],
  ]));
  expect(Object.keys(program.getState())).toEqual(Object.keys(program.shapes));
  program.dispose();
});

test('groups of a state are taken out, left out and put together again, whatever their tensors are called', () => {
  const state = { 'score/target/w': Float32Array.of(1), 'target/w': Float32Array.of(2), 'target.adam.m/w': Float32Array.of(3), 'targets/w': Float32Array.of(4) };
  expect(groupOf(state, 'target')).toEqual({ w: Float32Array.of(2) });
  expect(Object.keys(withoutGroup(state, 'target'))).toEqual(['score/target/w', 'target.adam.m/w', 'targets/w']);
  const trained = { params: { w: Float32Array.of(1) }, moments: { 'adam.m/w': Float32Array.of(2), 'adam.u/w': Float32Array.of(3) } };
  expect(Object.keys(stateOfTrained(trained))).toEqual(['params/w', 'adam.m/w', 'adam.u/w']);
  expect(trainedOfState(stateOfTrained(trained))).toEqual(trained);
  // as checkpoints of every version have them
  expect(momentShapes({ w: [2, 3], b: [3] })).toEqual({ 'adam.m/w': [2, 3], 'adam.u/w': [2, 3], 'adam.m/b': [3], 'adam.u/b': [3] });
});
