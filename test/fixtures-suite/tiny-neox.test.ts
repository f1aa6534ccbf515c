import { afterAll, describe, expect, test } from 'vitest';
import { createModel, elements, parameterCount, perSampleLoss, readHuggingFaceConfig } from '../../lib/models/index.js';
import { tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { expectScalar, expectVector, report } from './compare.js';
import { holds, inFixtures, readJson } from './folder.js';
import { tensorsOf } from './recording.js';

interface Block {
  readonly perSampleLoss: readonly number[];
  readonly meanLoss: number;
  readonly gradNorm: Readonly<Record<string, number>>;
  readonly gradFirst: Readonly<Record<string, readonly number[]>>;
}
interface Expected {
  readonly inputIds: number[][];
  readonly parameterCount?: number;
  readonly float32: Block & { readonly logits: readonly number[][][] };
  readonly float64: Block & { readonly logitsRows: Readonly<Record<string, readonly number[]>> };
}

describe.skipIf(!holds('tiny-neox', 'expected.json'))('tiny-neox, by transformers', async () => {
  const expected = holds('tiny-neox', 'expected.json') ? readJson<Expected>(inFixtures('tiny-neox', 'expected.json')) : undefined;
  if (expected === undefined) return;
  const { model: config, vocabularySize } = readHuggingFaceConfig(readJson(inFixtures('tiny-neox', 'config.json')));
  const model = createModel(config);
  const params = await tensorsOf(inFixtures('tiny-neox', 'model.safetensors'));
  const ids = tf.tensor2d(expected.inputIds, undefined, 'int32');
  afterAll(() => report('tiny-neox'));

  test('the checkpoint holds the tensors that the model names, in their shapes', () => {
    const shapes = model.shapes(vocabularySize);
    expect(Object.fromEntries(Object.entries(params).map(([name, t]) => [name, t.shape]))).toEqual(shapes);
    if (expected.parameterCount !== undefined) expect(parameterCount(shapes)).toBe(expected.parameterCount);
    if (holds('tiny-neox', 'config.v4-style.json')) {
      expect(readHuggingFaceConfig(readJson(inFixtures('tiny-neox', 'config.v4-style.json'))).model).toEqual(config);
    }
  });

  test('logits agree to 1e-5 of the largest', () => {
    const logits = tf.tidy(() => model.logits({ params, ids, causal: true }).dataSync());
    const flat = expected.float32.logits.flat(2);
    expectVector('logits', Array.from(logits), flat, 1e-5);
    const [, T]: number[] = ids.shape;
    for (const [place, row] of Object.entries(expected.float64.logitsRows)) {
      const [sample, position] = place.split(',').map(Number);
      const start = (sample * T + position) * row.length;
      expectVector('logits, float64', Array.from(logits.slice(start, start + row.length)), row, 1e-5);
    }
  });

  test('losses and gradients agree', () => {
    tf.tidy(() => {
      const losses = (p: NamedTensors) => perSampleLoss({ model, params: p, ids, causal: true });
      const { value, gradients } = valueAndGradients((p) => tf.mean(losses(p)), params);
      expectVector('per-sample loss', losses(params), expected.float64.perSampleLoss, 1e-6);
      expectScalar('mean loss', value, expected.float64.meanLoss, 1e-6);
      expect(Object.keys(expected.float64.gradNorm).sort()).toEqual(Object.keys(gradients).sort());
      for (const [name, norm] of Object.entries(expected.float64.gradNorm)) {
        const first = expected.float64.gradFirst[name];
        expectScalar('gradient norm', tf.norm(gradients[name]), norm, 1e-5);
        const values = Array.from(gradients[name].dataSync().slice(0, first.length));
        const rms = norm / Math.sqrt(elements(gradients[name].shape));
        first.forEach((e, i) => expectScalar('gradient value', values[i], e, 1e-5, Math.abs(e) + rms));
      }
    });
  });
});
