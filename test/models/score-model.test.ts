import { describe, expect, test } from 'vitest';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { tf } from '../../lib/tensor/index.js';
import { idsOf, randomIds, tensorsOf, tinyConfig, tinyIds, tinyLlama, unsettle, vocabularySize } from './tiny.js';

describe.each([tinyConfig, tinyLlama])('the score of a row, $architecture', (config) => {
  const model = createModel(config);
  const scorer = createScoreModel(model);
  const params = tensorsOf(unsettle(scorer.init({ vocabularySize, seed: 2 }), 2), scorer.shapes(vocabularySize));
  const logitsOf = (rows: readonly (readonly number[])[]): number[] => tf.tidy(() => Array.from(scorer.logits({ params, ids: idsOf(rows) }).dataSync()));

  test('does not depend on its neighbours: same bits at another place beside other rows', () => {
    const [row] = tinyIds;
    const others = randomIds({ rows: 3, length: row.length, seed: 9 });
    const first = logitsOf([row, ...others])[0];
    const last = logitsOf([...others.reverse(), row])[3];
    expect(last).toBe(first);
    expect(new Set(logitsOf([row, ...others])).size).toBe(4);
  });

  test('depends on every position: there is no causal mask, and the mean takes all', () => {
    const [row] = tinyIds;
    const before = logitsOf([row])[0];
    row.forEach((id, t) => {
      const changed = row.map((x, i) => (i === t ? (id + 1) % vocabularySize : x));
      expect(Math.abs(logitsOf([changed])[0] - before), `position ${t}`).toBeGreaterThan(1e-5);
    });
  });

  test('is the head on the mean of the final norm, through a sigmoid', () => {
    tf.tidy(() => {
      const ids = idsOf(tinyIds);
      const hidden = model.hidden({ params, ids, causal: false }).dataSync();
      const head = params['head.weight'].dataSync();
      const [n, T, d] = [tinyIds.length, tinyIds[0].length, config.width];
      const scores = scorer.scores({ params, ids }).dataSync();
      tinyIds.forEach((_, i) => {
        let logit = params['head.bias'].dataSync()[0];
        for (let t = 0; t < T; t++) for (let k = 0; k < d; k++) logit += (hidden[k * n * T + i * T + t] * head[k]) / T;
        expect(scores[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6);
      });
    });
  });
});

test.each([
  [tinyConfig, ['embed_out.weight'], 'gpt_neox.embed_in.weight'],
  [{ ...tinyLlama, tieEmbeddings: false }, ['lm_head.weight'], 'model.embed_tokens.weight'],
  [tinyLlama, [], 'model.embed_tokens.weight'],
])("begins as the proxy's backbone with a fresh head", (config, left, embedding) => {
  const model = createModel(config);
  const scorer = createScoreModel(model);
  const proxy = model.init({ vocabularySize, seed: '7/proxy' });
  const score = scorer.fromProxy({ proxy, vocabularySize, seed: '7/score' });
  expect(Object.keys(score)).toEqual(Object.keys(scorer.shapes(vocabularySize)));
  expect(Object.keys(proxy).filter((name) => !(name in score))).toEqual(left);
  for (const name of Object.keys(model.backboneShapes(vocabularySize))) {
    expect(score[name]).toEqual(proxy[name]);
    expect(score[name]).not.toBe(proxy[name]);
  }
  expect(score['head.bias']).toEqual(new Float32Array(1));
  expect(score['head.weight']).toHaveLength(config.width);
  const { [embedding]: _, ...rest } = proxy;
  expect(() => scorer.fromProxy({ proxy: rest, vocabularySize, seed: 1 })).toThrow(`the proxy's weights lack ${embedding}`);
});

test('initial weights: N(0, σ), norms 1, biases 0, a pure function of seed and name', () => {
  const wide = createModel({ ...tinyConfig, width: 64, initStandardDeviation: 0.02 });
  const weights = wide.init({ vocabularySize: 500, seed: 3 });
  const matrix = Float64Array.from(weights['gpt_neox.embed_in.weight']);
  const mean = matrix.reduce((a, b) => a + b, 0) / matrix.length;
  const deviation = Math.sqrt(matrix.reduce((a, b) => a + (b - mean) ** 2, 0) / matrix.length);
  // 32,000 draws: standard errors of 1.1e-4 and 0.8e-4
  expect(Math.abs(mean)).toBeLessThan(5e-4);
  expect(Math.abs(deviation - 0.02)).toBeLessThan(4e-4);
  expect(new Set(weights['gpt_neox.layers.0.input_layernorm.weight'])).toEqual(new Set([1]));
  expect(new Set(weights['gpt_neox.layers.0.mlp.dense_h_to_4h.bias'])).toEqual(new Set([0]));
  expect(wide.init({ vocabularySize: 500, seed: 3 })).toEqual(weights);
  expect(wide.init({ vocabularySize: 500, seed: 4 })['embed_out.weight']).not.toEqual(weights['embed_out.weight']);
  expect(weights['embed_out.weight']).not.toEqual(weights['gpt_neox.embed_in.weight']);
});
