import { beforeAll, describe, expect, test } from 'vitest';
import { createProbingProgram, createRegressionProgram, createTrainingProgram, type ProbingProgram } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { vocabularySize } from '../models/tiny.js';
import { adam, as64, config, gradient64, mask, moments, norm64, regressionLoss64, rows, score, stepped64, T, validation, validationLoss64, weights } from './influence-reference.js';
import { difference } from './small.js';

const prefixed = (prefix: string, arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}${name}`, array]));
const flat = (list: readonly (readonly number[])[]): Int32Array => Int32Array.from(list.flat());
const sizes = { model: config, vocabularySize, sequenceLength: T };

describe('a probe', () => {
  const step = { learningRate: 0.02, update: 7 };
  const gradientClip = 0.5;
  const state = { ...prefixed('params/', weights), ...moments };
  const create = (mode: 'eager' | 'graph' | 'xla', settings: { readonly logitsAtOnce?: number } = {}): Promise<ProbingProgram> => createProbingProgram({ ...sizes, validationBatchSize: validation.length, adam, gradientClip, mode, ...settings });
  const lossOf = (program: ProbingProgram): number => program.validate({ ids: flat(validation), mask: Float32Array.from(mask.flat()) }).reduce((a, b) => a + b, 0) / mask.flat().reduce((a, b) => a + b, 0);
  let before: number;
  let wanted: { readonly influence: number; readonly gradientNorm: number }[];
  beforeAll(() => {
    before = validationLoss64(as64(weights));
    wanted = rows.map((ids) => {
      const { weights: after, gradientNorm } = stepped64({ ids, ...step, gradientClip });
      return { influence: before - validationLoss64(after), gradientNorm };
    });
  }, 120_000);

  test.each([
    ['eager', {}],
    ['graph', {}],
    ['xla', {}],
    // a row's eight positions and the forty of the validation in parts of three
    ['graph', { logitsAtOnce: 3 * vocabularySize }],
  ] as const)('has the influence that one step with the state’s own moments has in float64, %s, %o', async (mode, settings) => {
    const program = await create(mode, settings);
    program.setState(state);
    program.withdraw();
    const own = lossOf(program);
    expect(Math.abs(own - before)).toBeLessThan(1e-6 * before);
    // rows differ by far more than what is allowed here, and not all are of one sign
    const influences = wanted.map(({ influence }) => influence);
    expect(Math.max(...influences) - Math.min(...influences)).toBeGreaterThan(1e-2);
    rows.forEach((ids, i) => {
      const { gradientNorm } = program.probe({ ids: Int32Array.from(ids), ...step });
      expect(Math.abs(gradientNorm / wanted[i].gradientNorm - 1), `norm of row ${i}`).toBeLessThan(1e-5);
      expect(gradientNorm).toBeGreaterThan(gradientClip); // it is clipped
      expect(Math.abs(own - lossOf(program) - wanted[i].influence), `influence of row ${i}`).toBeLessThan(1e-5);
    });
    program.dispose();
  });

  test('leaves the state as it is, and does not depend on the probes before', async () => {
    const program = await create('graph');
    program.setState(state);
    const first = rows.map((ids) => {
      program.probe({ ids: Int32Array.from(ids), ...step });
      return lossOf(program);
    });
    expect(new Set(first).size).toBe(rows.length);
    const again = rows.toReversed().map((ids) => {
      program.probe({ ids: Int32Array.from(ids), ...step });
      return lossOf(program);
    });
    expect(again.toReversed()).toEqual(first);
    expect(program.getState()).toEqual(state);
    expect(Object.keys(program.shapes).sort()).toEqual(Object.keys(state).sort());
    program.dispose();
  });

  test('is the step that training takes', async () => {
    const program = await create('graph');
    program.setState(state);
    const training = await createTrainingProgram({ ...sizes, batchSize: 1, adam, gradientClip, mode: 'graph' });
    training.setState(state);
    const [ids] = rows.map((row) => Int32Array.from(row));
    expect(program.probe({ ids, ...step })).toEqual(training.step({ ids, ...step }));
    const tried = lossOf(program);
    program.setState(training.getState());
    program.withdraw();
    expect(lossOf(program)).toBe(tried);
    program.dispose();
    training.dispose();
  });
});

describe('the regression', () => {
  const targets = [1.3, -0.4, 0.2, -1.1];
  const regressionAdam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  const zeros = Object.fromEntries(['m', 'u'].flatMap((moment) => Object.entries(score).map(([name, array]) => [`score.adam.${moment}/${name}`, new Float32Array(array.length)] as const)));
  const spec = { ...sizes, batchSize: rows.length, adam: regressionAdam, mode: 'graph' } as const;
  const input = { ids: flat(rows), targets: Float32Array.from(targets), learningRate: 0.01, update: 1 };

  test('has the loss and the gradient of the mean squared error, by differences in float64, and clips it', async () => {
    const at = as64(score);
    const gradient = gradient64((weights64) => regressionLoss64(weights64, targets), at);
    for (const gradientClip of [1e9, 0.3]) {
      const program = await createRegressionProgram({ ...spec, gradientClip });
      program.setState({ ...prefixed('score/', score), ...zeros });
      const { loss, gradientNorm } = program.fit(input);
      expect(Math.abs(loss / regressionLoss64(at, targets) - 1)).toBeLessThan(1e-5);
      expect(Math.abs(gradientNorm / norm64(gradient) - 1)).toBeLessThan(1e-5);
      const scale = Math.min(1, gradientClip / (gradientNorm + 1e-6));
      const state = program.getState();
      const scaleOfAll = Math.max(...Object.values(gradient).flatMap((array) => [...array].map(Math.abs)));
      for (const [name, array] of Object.entries(gradient)) {
        // m = 0.1 g after the first step
        const found = Float64Array.from(state[`score.adam.m/${name}`], (m) => m / 0.1 / scale);
        array.forEach((g, i) => expect(Math.abs(found[i] - g), `${name} ${i}`).toBeLessThan(1e-5 * scaleOfAll));
      }
      program.dispose();
    }
  }, 60_000);

  test('learns what it is given, and predicts with what it has learnt', async () => {
    for (const mode of ['graph', 'xla'] as const) {
      const program = await createRegressionProgram({ ...spec, gradientClip: 1, mode });
      program.setState({ ...prefixed('score/', score), ...zeros });
      const losses = Array.from({ length: 60 }, (_, i) => program.fit({ ...input, update: i + 1 }).loss);
      expect(losses[59]).toBeLessThan(0.05 * losses[0]);
      const predictions = program.predict(input.ids);
      expect(difference(predictions, targets)).toBeLessThan(0.3);
      const loss = predictions.reduce((sum, value, i) => sum + (value - targets[i]) ** 2, 0) / rows.length;
      expect(Math.abs(program.fit({ ...input, learningRate: 0, update: 61 }).loss - loss)).toBeLessThan(1e-5);
      program.dispose();
    }
  });
});
