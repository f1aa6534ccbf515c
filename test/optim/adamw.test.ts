import { describe, expect, test } from 'vitest';
import { adamw, biasCorrections, clipGlobal, clipPerTensor, mapNamed, type Moments } from '../../lib/optim/index.js';
import { randomStream } from '../../lib/random.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';

const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 };

describe('AdamW', () => {
  test('six steps on two tensors equal the formulas in float64; biases decay too', () => {
    const random = randomStream('adamw');
    const sizes = { 'a.weight': [2, 3], 'a.bias': [2] };
    const draw = (shape: number[], scale: number): Float64Array => Float64Array.from({ length: shape.reduce((x, y) => x * y) }, () => Math.fround(scale * random.normal()));
    tf.tidy(() => {
      const start = Object.fromEntries(Object.entries(sizes).map(([name, shape]) => [name, draw(shape, 1)]));
      let params: NamedTensors = Object.fromEntries(Object.entries(sizes).map(([name, shape]) => [name, tf.tensor(Float32Array.from(start[name]), shape)]));
      let moments: Moments = { m: mapNamed(params, (x) => tf.zerosLike(x)), u: mapNamed(params, (x) => tf.zerosLike(x)) };
      const byHand = Object.fromEntries(Object.entries(start).map(([name, p]) => [name, { p: p.slice(), m: new Float64Array(p.length), u: new Float64Array(p.length) }]));
      for (let k = 1; k <= 6; k++) {
        const learningRate = k === 2 ? 0 : 0.05 / k; // the second step moves the moments alone
        // gradients about ε, so that its place under the root or beside it shows
        const gradients = Object.fromEntries(Object.entries(sizes).map(([name, shape]) => [name, draw(shape, 2e-3)]));
        const { c1, c2 } = biasCorrections(k, settings);
        ({ params, moments } = adamw({
          params,
          gradients: Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, tf.tensor(Float32Array.from(g), sizes[name as keyof typeof sizes])])),
          moments,
          learningRate: tf.scalar(learningRate),
          corrections: { c1: tf.scalar(c1), c2: tf.scalar(c2) },
          settings,
        }));
        for (const [name, { p, m, u }] of Object.entries(byHand)) {
          gradients[name].forEach((g, i) => {
            p[i] *= 1 - learningRate * 0.1;
            m[i] = 0.9 * m[i] + 0.1 * g;
            u[i] = 0.95 * u[i] + 0.05 * g * g;
            p[i] -= ((learningRate / (1 - 0.9 ** k)) * m[i]) / (Math.sqrt(u[i]) / Math.sqrt(1 - 0.95 ** k) + 1e-3);
          });
        }
      }
      for (const [name, { p, m, u }] of Object.entries(byHand)) {
        expect([...params[name].shape]).toEqual(sizes[name as keyof typeof sizes]);
        params[name].dataSync().forEach((x, i) => expect(x).toBeCloseTo(p[i], 6));
        moments.m[name].dataSync().forEach((x, i) => expect(x / m[i]).toBeCloseTo(1, 4));
        moments.u[name].dataSync().forEach((x, i) => expect(x / u[i]).toBeCloseTo(1, 4));
      }
    });
  });
});

describe('clipping', () => {
  const gradients = (): NamedTensors => ({ long: tf.tensor1d([3, 4]), short: tf.tensor2d([[0.3], [0.4]]), zero: tf.zeros([2]) });

  test('global: g·min(1, c/(‖g‖+1e-6)) over all tensors', () => {
    tf.tidy(() => {
      const norm = Math.hypot(3, 4, 0.3, 0.4);
      const { clipped, norm: before } = clipGlobal(gradients(), 2);
      expect(before.dataSync()[0]).toBeCloseTo(norm, 6);
      expect(clipped['long'].dataSync()[1]).toBeCloseTo((4 * 2) / (norm + 1e-6), 6);
      expect(clipped['short'].dataSync()[0]).toBeCloseTo((0.3 * 2) / (norm + 1e-6), 6);
      const untouched = clipGlobal(gradients(), 6);
      expect([...untouched.clipped['long'].dataSync()]).toEqual([3, 4]);
      expect([...clipGlobal({ zero: tf.zeros([2]) }, 1).clipped['zero'].dataSync()]).toEqual([0, 0]);
    });
  });

  test('global: the ε is in the denominator even where it decides', () => {
    tf.tidy(() => {
      const { clipped } = clipGlobal({ g: tf.tensor1d([2e-6]) }, 1e-6);
      expect(clipped['g'].dataSync()[0] / 2e-6).toBeCloseTo(1 / 3, 5);
    });
  });

  test('per tensor: to norm 1 where longer than the limit, whatever the limit, without ε', () => {
    tf.tidy(() => {
      const { clipped, norms } = clipPerTensor(gradients(), 2);
      expect([...clipped['long'].dataSync()].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([0.6, 0.8]);
      expect([...clipped['short'].dataSync()]).toEqual([Math.fround(0.3), Math.fround(0.4)]);
      expect([...clipped['zero'].dataSync()]).toEqual([0, 0]);
      expect(norms['long'].dataSync()[0]).toBe(5);
      // a limit below 1 lengthens what it clips, as in the release
      expect(clipPerTensor(gradients(), 0.1).clipped['short'].dataSync()[0]).toBeCloseTo(0.6, 6);
    });
  });
});
