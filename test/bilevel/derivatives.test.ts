import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, test } from 'vitest';
import { alignment, gaussNewtonProduct, hessianProduct, hypergradient, lowerLoss, rowScores, targetStates, type LowerLossInput } from '../../lib/bilevel/index.js';
import { perSampleLoss, type Model } from '../../lib/models/index.js';
import { mapNamed } from '../../lib/optim/index.js';
import { innerProduct, tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { direction, ids, inParts, models, numbers, relativeError, settingsWith, shifted, weights } from './tiny.js';

const lowerWith = (changes: Parameters<typeof settingsWith>[0] = {}, proxy: Model = models.proxy): LowerLossInput => ({
  proxy,
  params: weights.proxy,
  batch: { ids, weights: tf.tensor1d([0.1, 0.4, 0.3, 0.2]), target: targetStates({ target: models.target, params: weights.target, ids }) },
  settings: settingsWith(changes),
});
const losses = (params: NamedTensors): Tensor => perSampleLoss({ model: models.proxy, params, ids, causal: true });

/** all logits at once, and in several parts with a remainder */
const proxies = [['logits at once', models.proxy], ['logits in parts', inParts]] as const;

describe.each(proxies)('a_i, %s', (_name, proxy) => {
  test('is the central difference of each L_i along z', () => {
    tf.tidy(() => {
      const z = direction(weights.proxy, 1);
      const a = numbers(alignment({ proxy, params: weights.proxy, ids, causalProxy: true, z }));
      const step = 0.03;
      const [above, below] = [step, -step].map((distance) => numbers(losses(shifted(weights.proxy, z, distance))));
      const scale = Math.max(...a.map(Math.abs));
      a.forEach((exact, i) => expect(Math.abs((above[i] - below[i]) / (2 * step) - exact) / scale).toBeLessThan(2e-3));
    });
  });

  test('is ⟨∇L_i, z⟩ of each sample by itself, to 1e-5', () => {
    tf.tidy(() => {
      const z = direction(weights.proxy, 1);
      const a = numbers(alignment({ proxy, params: weights.proxy, ids, causalProxy: true, z }));
      const oneByOne = a.map((_, i) => {
        const one = (params: NamedTensors): Tensor => tf.slice(losses(params), [i], [1]);
        return numbers(innerProduct(valueAndGradients(one, weights.proxy).gradients, z))[0];
      });
      const scale = Math.max(...oneByOne.map(Math.abs));
      a.forEach((exact, i) => expect(Math.abs(oneByOne[i] - exact) / scale).toBeLessThan(1e-5));
    });
  });
});

describe('the hypergradient', () => {
  const byDefinition = {
    softmax: (f: Tensor) => tf.softmax(tf.sigmoid(f)),
    raw: (f: Tensor) => tf.div(tf.sigmoid(f), f.size),
    logits: (f: Tensor) => tf.softmax(tf.div(f, 0.3)),
  };
  test.each(['softmax', 'raw', 'logits'] as const)('with %s weights is the gradient of −⟨∇_p Σ P_i L_i, z⟩ in θ_s by automatic differentiation, to 1e-5 a tensor', (kind) => {
    tf.tidy(() => {
      const z = direction(weights.proxy, 2);
      const scoresOf = (params: NamedTensors): Tensor => rowScores({ model: models.score, params, ids, weights: kind });
      // by definition: weights from θ_s, then the proxy's gradient of the weighted sum, then differentiated by θ_s
      const definition = (scoreParams: NamedTensors): Tensor => {
        const P = byDefinition[kind](models.score.logits({ params: scoreParams, ids }));
        const weighted = (params: NamedTensors): Tensor => tf.sum(tf.mul(P, losses(params)));
        return tf.neg(innerProduct(valueAndGradients(weighted, weights.proxy).gradients, z));
      };
      const expected = valueAndGradients(definition, weights.score).gradients;
      const a = alignment({ proxy: models.proxy, params: weights.proxy, ids, causalProxy: true, z });
      const { hypergradient: actual, coefficients } = hypergradient({ scoresOf, scoreParams: weights.score, scores: scoresOf(weights.score), alignment: a, weights: kind, temperature: 0.3 });
      const whole = Math.sqrt(numbers(innerProduct(expected, expected))[0]);
      expect(whole).toBeGreaterThan(1e-3);
      for (const name of Object.keys(expected)) {
        const error = numbers(tf.norm(tf.sub(actual[name], expected[name])))[0];
        // gradients that are zero in theory (half of the key biases) are rounding in both
        expect(error, name).toBeLessThan(1e-5 * numbers(tf.norm(expected[name]))[0] + 1e-7 * whole);
      }
      if (kind !== 'raw') expect(Math.abs(numbers(tf.sum(coefficients))[0])).toBeLessThan(1e-7);
    });
  });
});

describe.each(proxies)('curvature, %s', (_name, proxy) => {
  test('H·z is the central difference of ∇G along z', () => {
    tf.tidy(() => {
      for (const changes of [{}, { klDirection: 'proxy-target' as const, causalProxy: false, referenceDevices: 4 }]) {
        const lower = lowerWith(changes, proxy);
        const gradient = (params: NamedTensors): NamedTensors => valueAndGradients((p) => lowerLoss({ ...lower, params: p }).loss, params).gradients;
        const z = direction(weights.proxy, 3);
        const step = 0.03;
        const [above, below] = [step, -step].map((distance) => gradient(shifted(weights.proxy, z, distance)));
        const difference = mapNamed(above, (x, name) => tf.div(tf.sub(x, below[name]), 2 * step));
        expect(relativeError(hessianProduct(lower)(z), difference)).toBeLessThan(2e-3);
      }
    });
  });

  test('H is symmetric', () => {
    tf.tidy(() => {
      const product = hessianProduct(lowerWith({}, proxy));
      const [x, y] = [direction(weights.proxy, 4), direction(weights.proxy, 5)];
      const [xHy, yHx] = [numbers(innerProduct(x, product(y)))[0], numbers(innerProduct(y, product(x)))[0]];
      expect(Math.abs(xHy - yHx)).toBeLessThan(1e-5 * Math.abs(numbers(innerProduct(x, product(x)))[0]));
    });
  });

  test('in the output projection, where the logits are linear, Gauss-Newton is H', () => {
    tf.tidy(() => {
      const only = mapNamed(direction(weights.proxy, 6), (x, name) => (name === 'embed_out.weight' ? x : tf.zerosLike(x)));
      const part = (product: NamedTensors): NamedTensors => ({ 'embed_out.weight': product['embed_out.weight'] });
      for (const referenceDevices of [1, 4]) {
        const lower = lowerWith({ referenceDevices }, proxy);
        expect(relativeError(part(gaussNewtonProduct(lower)(only)), part(hessianProduct(lower)(only)))).toBeLessThan(1e-5);
      }
    });
  });

  test('xᵀ(Gauss-Newton)y is Σ rows w·(Jx)ᵀ(diag p − ppᵀ)(Jy) + 2λ⟨x, y⟩, with J by central differences', () => {
    tf.tidy(() => {
      const lower = lowerWith({}, proxy);
      const [x, y] = [direction(weights.proxy, 7), direction(weights.proxy, 8)];
      const logits = (params: NamedTensors): Tensor => models.proxy.logits({ params, ids, causal: true });
      const along = (d: NamedTensors): Tensor => tf.div(tf.sub(logits(shifted(weights.proxy, d, 0.02)), logits(shifted(weights.proxy, d, -0.02))), 0.04);
      const p = tf.softmax(logits(weights.proxy));
      const [Jx, Jy] = [along(x), along(y)];
      const covariance = tf.sub(tf.sum(tf.mul(p, tf.mul(Jx, Jy)), 1), tf.mul(tf.sum(tf.mul(p, Jx), 1), tf.sum(tf.mul(p, Jy), 1)));
      const [n, T]: number[] = ids.shape;
      const P = [0.1, 0.4, 0.3, 0.2];
      const expected = numbers(covariance).reduce((sum, c, r) => sum + c * ((r % T < T - 1 ? P[Math.floor(r / T)] / (T - 1) : 0) + 0.3 / (n * T)), 0) + 2 * 0.01 * numbers(innerProduct(x, y))[0];
      const actual = numbers(innerProduct(x, gaussNewtonProduct(lower)(y)))[0];
      const own = numbers(innerProduct(x, gaussNewtonProduct(lower)(x)))[0];
      expect(Math.abs(actual - expected) / own).toBeLessThan(2e-3);
    });
  });

  test('Gauss-Newton is positive in every direction tried, also where H is not', () => {
    tf.tidy(() => {
      const [positive, indefinite] = [gaussNewtonProduct(lowerWith({ l2Weight: 0 }, proxy)), hessianProduct(lowerWith({ l2Weight: 0 }, proxy))];
      const along = (product: typeof positive, d: NamedTensors): number => numbers(innerProduct(d, product(d)))[0];
      const directions = Array.from({ length: 12 }, (_, i) => direction(weights.proxy, 20 + i));
      expect(Math.min(...directions.map((d) => along(positive, d)))).toBeGreaterThan(0);
      expect(Math.min(...directions.map((d) => along(indefinite, d)))).toBeLessThan(0);
    });
  });
});
