import { expect, test } from 'vitest';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { randomStream } from '../../lib/random.js';
import {
  crossEntropyRows, directionalDerivative, embedding, gelu, innerProduct, layerNorm, logSoftmax, logSumExp, Program, rmsNorm, silu, stopGradient, tf, valueAndGradients,
  type CallOutputs, type NamedTensors,
} from '../../lib/tensor/index.js';
import { erf64, gradient64, hessianProduct64, type Inputs } from './finite-differences.js';

interface Case {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** range of the inputs; (−1.5, 1.5) by default */
  readonly range?: readonly [number, number];
  readonly tensor: (x: NamedTensors) => Tensor;
  /** the same in float64, flat */
  readonly reference: (x: Inputs) => ArrayLike<number>;
}

const elementwise = (tensor: (x: Tensor) => Tensor, reference: (x: number) => number, range?: readonly [number, number]): Case => ({
  inputs: { x: [7] },
  ...(range ? { range } : {}),
  tensor: ({ x }) => tensor(x),
  reference: ({ x }) => x.map(reference),
});
const operands = (tensor: (a: Tensor, b: Tensor) => Tensor, reference: (a: number, b: number) => number, range?: readonly [number, number]): Case => ({
  inputs: { a: [2, 3], b: [3] }, // broadcast: the gradient of b is summed
  ...(range ? { range } : {}),
  tensor: ({ a, b }) => tensor(a, b),
  reference: ({ a, b }) => a.map((value, i) => reference(value, b[i % 3])),
});

const rows = (x: Float64Array, width: number): Float64Array[] => Array.from({ length: x.length / width }, (_, i) => x.slice(i * width, (i + 1) * width));
const sum = (x: Iterable<number>): number => [...x].reduce((a, b) => a + b, 0);
const softmax64 = (x: Float64Array): Float64Array => {
  const e = x.map((value) => Math.exp(value - Math.max(...x)));
  return e.map((value) => value / sum(e));
};
const lse64 = (x: Float64Array): number => Math.max(...x) + Math.log(sum(x.map((value) => Math.exp(value - Math.max(...x)))));
const norm64 = (x: Float64Array, gain: Float64Array, bias: Float64Array): Float64Array => {
  const mean = sum(x) / x.length;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i] + bias[i]);
};
const flat = (parts: Float64Array[]): number[] => parts.flatMap((part) => [...part]);
/** @returns [n, m] */
const transposed = (x: Float64Array, n: number, m: number): Float64Array => Float64Array.from({ length: n * m }, (_, i) => x[(i % m) * n + Math.floor(i / m)]);
/** [n, k] · [k, m] */
const product64 = (a: Float64Array, b: Float64Array, k: number): Float64Array => {
  const m = b.length / k;
  return Float64Array.from({ length: (a.length / k) * m }, (_, i) => {
    const row = Math.floor(i / m) * k;
    let total = 0;
    for (let j = 0; j < k; j++) total += a[row + j] * b[j * m + (i % m)];
    return total;
  });
};
const gelu64 = (x: number): number => 0.5 * x * (1 + erf64(x * Math.SQRT1_2));
const ids = [1, 0, 2, 1];

const products = [false, true].flatMap((tA) =>
  [false, true].map((tB): [string, Case] => [
    `matMul${tA ? ' Aᵀ' : ''}${tB ? ' Bᵀ' : ''}`,
    {
      inputs: { a: tA ? [3, 2] : [2, 3], b: tB ? [4, 3] : [3, 4] },
      tensor: ({ a, b }) => tf.matMul(a, b, tA, tB),
      reference: ({ a, b }) => product64(tA ? transposed(a, 2, 3) : a, tB ? transposed(b, 3, 4) : b, 3),
    },
  ]),
);

const cases: Readonly<Record<string, Case>> = {
  neg: elementwise((x) => tf.neg(x), (x) => -x),
  exp: elementwise((x) => tf.exp(x), Math.exp),
  expm1: elementwise((x) => tf.expm1(x), Math.expm1),
  log: elementwise((x) => tf.log(x), Math.log, [0.4, 2]),
  log1p: elementwise((x) => tf.log1p(x), Math.log1p, [-0.4, 2]),
  sqrt: elementwise((x) => tf.sqrt(x), Math.sqrt, [0.4, 2]),
  rsqrt: elementwise((x) => tf.rsqrt(x), (x) => 1 / Math.sqrt(x), [0.4, 2]),
  square: elementwise((x) => tf.square(x), (x) => x * x),
  reciprocal: elementwise((x) => tf.reciprocal(x), (x) => 1 / x, [0.5, 2]),
  sin: elementwise((x) => tf.sin(x), Math.sin),
  cos: elementwise((x) => tf.cos(x), Math.cos),
  erf: elementwise((x) => tf.erf(x), erf64),
  sigmoid: elementwise((x) => tf.sigmoid(x), (x) => 1 / (1 + Math.exp(-x))),
  tanh: elementwise((x) => tf.tanh(x), Math.tanh),
  softplus: elementwise((x) => tf.softplus(x), (x) => Math.log1p(Math.exp(x))),
  abs: elementwise((x) => tf.abs(x), Math.abs),
  relu: elementwise((x) => tf.relu(x), (x) => Math.max(x, 0)),
  clip: elementwise((x) => tf.maximum(-0.5, tf.minimum(0.8, x)), (x) => Math.max(-0.5, Math.min(0.8, x))),
  cast: elementwise((x) => tf.mul(tf.cast(tf.cast(x, 'float32'), 'float32'), x), (x) => x * x),
  gelu: elementwise(gelu, gelu64),
  silu: elementwise(silu, (x) => x / (1 + Math.exp(-x))),
  add: operands((a, b) => tf.add(a, b), (a, b) => a + b),
  sub: operands((a, b) => tf.sub(a, b), (a, b) => a - b),
  mul: operands((a, b) => tf.mul(a, b), (a, b) => a * b),
  div: operands((a, b) => tf.div(a, b), (a, b) => a / b, [0.5, 2]),
  pow: operands((a, b) => tf.pow(a, b), (a, b) => a ** b, [0.5, 2]),
  maximum: operands((a, b) => tf.maximum(a, b), Math.max),
  minimum: operands((a, b) => tf.minimum(a, b), Math.min),
  squaredDifference: operands((a, b) => tf.squaredDifference(a, b), (a, b) => (a - b) ** 2),
  where: operands((a, b) => tf.where(stopGradient(tf.greater(a, 0)), tf.mul(a, b), tf.add(a, b)), (a, b) => (a > 0 ? a * b : a + b)),
  ...Object.fromEntries(products),
  batchMatMul: {
    inputs: { a: [2, 2, 3], b: [2, 4, 3] },
    tensor: ({ a, b }) => tf.matMul(a, b, false, true),
    reference: ({ a, b }) => rows(a, 6).flatMap((part, i) => [...product64(part, transposed(rows(b, 12)[i], 3, 4), 3)]),
  },
  sum: { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.sum(tf.square(x), 1), reference: ({ x }) => rows(x, 3).map((row) => sum(row.map((v) => v * v))) },
  mean: { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.mean(tf.square(x), 0, true), reference: ({ x }) => rows(transposed(x, 3, 2), 2).map((row) => sum(row.map((v) => v * v)) / 2) },
  max: { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.mul(tf.max(x, 1), tf.min(x, 1)), reference: ({ x }) => rows(x, 3).map((row) => Math.max(...row) * Math.min(...row)) },
  softmax: { inputs: { x: [2, 4] }, tensor: ({ x }) => tf.softmax(x), reference: ({ x }) => flat(rows(x, 4).map(softmax64)) },
  logSumExp: { inputs: { x: [2, 4] }, tensor: ({ x }) => logSumExp(x), reference: ({ x }) => rows(x, 4).map(lse64) },
  "tfjs' own logSumExp": { inputs: { x: [2, 4] }, tensor: ({ x }) => tf.logSumExp(x, -1), reference: ({ x }) => rows(x, 4).map(lse64) },
  logSoftmax: { inputs: { x: [2, 4] }, tensor: ({ x }) => logSoftmax(x), reference: ({ x }) => flat(rows(x, 4).map((row) => row.map((v) => v - lse64(row)))) },
  layerNorm: {
    inputs: { x: [2, 4], gain: [4], bias: [4] },
    tensor: ({ x, gain, bias }) => layerNorm(x, gain, bias, 1e-5),
    reference: ({ x, gain, bias }) => flat(rows(x, 4).map((row) => norm64(row, gain, bias))),
  },
  rmsNorm: {
    inputs: { x: [2, 4], gain: [4] },
    tensor: ({ x, gain }) => rmsNorm(x, gain, 1e-5),
    reference: ({ x, gain }) => flat(rows(x, 4).map((row) => row.map((v, i) => (v / Math.sqrt(sum(row.map((w) => w * w)) / 4 + 1e-5)) * gain[i]))),
  },
  embedding: { inputs: { table: [3, 2] }, tensor: ({ table }) => tf.exp(embedding(table, tf.tensor1d(ids, 'int32'))), reference: ({ table }) => ids.flatMap((id) => [...table.slice(id * 2, id * 2 + 2)].map(Math.exp)) },
  gather: { inputs: { table: [3, 2] }, tensor: ({ table }) => tf.exp(tf.gather(table, tf.tensor1d(ids, 'int32'))), reference: ({ table }) => ids.flatMap((id) => [...table.slice(id * 2, id * 2 + 2)].map(Math.exp)) },
  crossEntropyRows: {
    inputs: { x: [4, 3] },
    tensor: ({ x }) => crossEntropyRows(x, tf.tensor1d(ids, 'int32'), 3),
    reference: ({ x }) => rows(x, 3).map((row, i) => lse64(row) - row[ids[i]]),
  },
  // shapes only: what goes through them is an exponential, so that a second derivative does too
  reshape: { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.exp(tf.expandDims(tf.reshape(x, [3, 2]), 1)), reference: ({ x }) => x.map(Math.exp) },
  transpose: { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.exp(tf.transpose(x)), reference: ({ x }) => transposed(x, 3, 2).map(Math.exp) },
  'split and concat': {
    inputs: { x: [2, 3] },
    tensor: ({ x }) => {
      const [first, rest] = tf.split(x, [1, 2], 1);
      return tf.exp(tf.concat([rest, first], 1));
    },
    reference: ({ x }) => rows(x, 3).flatMap(([a, b, c]) => [b, c, a].map(Math.exp)),
  },
  'stack and unstack': { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.exp(tf.stack(tf.unstack(x, 1), 0)), reference: ({ x }) => transposed(x, 3, 2).map(Math.exp) },
  'slice and pad': {
    inputs: { x: [2, 3] },
    tensor: ({ x }) => tf.exp(tf.pad(tf.slice(x, [0, 1], [2, 2]), [[0, 0], [1, 0]])),
    reference: ({ x }) => rows(x, 3).flatMap(([, b, c]) => [0, b, c].map(Math.exp)),
  },
  tile: { inputs: { x: [1, 3] }, tensor: ({ x }) => tf.exp(tf.tile(x, [2, 1])), reference: ({ x }) => [...x, ...x].map(Math.exp) },
  // a block of attention in small: every op of a language model on one path
  'attention, norm, GELU and cross-entropy': {
    inputs: { table: [3, 4], gain: [4], bias: [4], qkv: [4, 12], out: [4, 3] },
    range: [-0.9, 0.9],
    tensor: ({ table, gain, bias, qkv, out }) => {
      const x = embedding(table, tf.tensor1d(ids, 'int32'));
      const [q, k, v] = tf.split(tf.matMul(layerNorm(x, gain, bias, 1e-5), qkv), 3, 1);
      const mixed = tf.add(x, tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 0.5)), v));
      return crossEntropyRows(tf.matMul(gelu(mixed), out), tf.tensor1d([0, 2, 1, 0], 'int32'), 3);
    },
    reference: ({ table, gain, bias, qkv, out }) => {
      const x = Float64Array.from(ids.flatMap((id) => [...table.slice(id * 4, id * 4 + 4)]));
      const fused = rows(product64(Float64Array.from(flat(rows(x, 4).map((row) => norm64(row, gain, bias)))), qkv, 4), 12);
      const part = (i: number): Float64Array => Float64Array.from(flat(fused.map((row) => row.slice(4 * i, 4 * i + 4))));
      const scores = product64(part(0), transposed(part(1), 4, 4), 4).map((score) => score * 0.5);
      const attended = product64(Float64Array.from(flat(rows(scores, 4).map(softmax64))), part(2), 4);
      const logits = product64(x.map((value, i) => value + attended[i]).map(gelu64), out, 4);
      return rows(logits, 3).map((row, i) => lse64(row) - row[[0, 2, 1, 0][i]]);
    },
  },
};

const random = randomStream('derivatives');
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** float32 values, so that both sides start from the same point */
const points = Object.fromEntries(
  Object.entries(cases).map(([name, { inputs, range: [low, high] = [-1.5, 1.5] }]) => {
    const draw = (from: number, to: number): Record<string, Float32Array> =>
      Object.fromEntries(Object.entries(inputs).map(([input, shape]) => [input, Float32Array.from({ length: size(shape) }, () => from + (to - from) * random.uniform())]));
    return [name, { at: draw(low, high), direction: draw(-1, 1) }];
  }),
);
/** φ = Σ c f + ½ Σ f²: the square makes the incoming gradient depend on x, where stock tfjs loses its term */
const coefficient = (i: number): number => Math.sin(1 + i);

async function derivatives(mode: 'eager' | 'graph'): Promise<CallOutputs> {
  const program = new Program('derivatives', { mode });
  const specs = Object.fromEntries(
    Object.entries(cases).flatMap(([name, { inputs }]) =>
      Object.entries(inputs).flatMap(([input, shape]) => ['at', 'direction'].map((role) => [`${name}/${role}/${input}`, { shape, dtype: 'float32' as const }])),
    ),
  );
  program.entry('all', specs, (given) => {
    const outputs: Record<string, Tensor> = {};
    for (const [name, { inputs, tensor }] of Object.entries(cases)) {
      const named = (role: string): NamedTensors => Object.fromEntries(Object.keys(inputs).map((input) => [input, given[`${name}/${role}/${input}`]]));
      const [at, direction] = [named('at'), named('direction')];
      const phi = (x: NamedTensors): Tensor => {
        const f = tensor(x);
        const c = tf.tensor(Float32Array.from({ length: f.size }, (_, i) => coefficient(i)), f.shape);
        return tf.add(tf.sum(tf.mul(c, f)), tf.mul(0.5, tf.sum(tf.square(f))));
      };
      const gradient = (x: NamedTensors): NamedTensors => valueAndGradients(phi, x).gradients;
      const second = valueAndGradients((x) => innerProduct(gradient(x), direction), at).gradients;
      for (const [input, g] of Object.entries(gradient(at))) outputs[`${name}/gradient/${input}`] = g;
      for (const [input, h] of Object.entries(second)) outputs[`${name}/hessian/${input}`] = h;
      outputs[`${name}/jvp`] = directionalDerivative(tensor, at, direction, tensor(at).shape);
    }
    return outputs;
  });
  await program.build();
  const values = Object.fromEntries(Object.entries(points).flatMap(([name, roles]) => Object.entries(roles).flatMap(([role, inputs]) => Object.entries(inputs).map(([input, value]) => [`${name}/${role}/${input}`, value]))));
  const outputs = program.call('all', values);
  program.dispose();
  return outputs;
}

const computed = { eager: await derivatives('eager'), graph: await derivatives('graph') };

test.each(Object.keys(cases))('first and second derivative of %s equal float64 differences, eagerly and traced', (name) => {
  const { reference } = cases[name];
  const double = (x: Record<string, Float32Array>): Inputs => Object.fromEntries(Object.entries(x).map(([input, value]) => [input, Float64Array.from(value)]));
  const [at, direction] = [double(points[name].at), double(points[name].direction)];
  const phi = (x: Inputs): number => {
    const f = [...Array.from(reference(x))];
    return sum(f.map((value, i) => coefficient(i) * value + 0.5 * value * value));
  };
  const gradient = gradient64(phi, at);
  const hessian = hessianProduct64(phi, at, direction);
  const along = Array.from(reference(shift(at, direction, 1e-5))).map((value, i) => (value - Array.from(reference(shift(at, direction, -1e-5)))[i]) / 2e-5);
  for (const mode of ['eager', 'graph'] as const) {
    const outputs = computed[mode];
    for (const input of Object.keys(at)) {
      expectClose(outputs[`${name}/gradient/${input}`], gradient[input], `${mode} gradient by ${input}`);
      expectClose(outputs[`${name}/hessian/${input}`], hessian[input], `${mode} Hessian product by ${input}`);
    }
    expectClose(outputs[`${name}/jvp`], along, `${mode} directional derivative`);
  }
});

const shift = (x: Inputs, v: Inputs, h: number): Inputs => Object.fromEntries(Object.entries(x).map(([name, value]) => [name, value.map((element, i) => element + h * v[name][i])]));

/** relative to the largest element */
function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  expect(found.length, what).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  Array.from(wanted).forEach((value, i) => {
    expect(Math.abs(found[i] - value), `${what}, element ${i}: ${found[i]} for ${value}`).toBeLessThan(1e-5 * scale);
  });
}

test('stopGradient hides what lies before it and keeps the value, eagerly and traced', async () => {
  for (const mode of ['eager', 'graph'] as const) {
    const program = new Program('stop', { mode });
    program.entry('run', { x: { shape: [2], dtype: 'float32' } }, ({ x }) => {
      // floor and greater have no usable gradient: nothing may walk through them
      const { value, gradients } = valueAndGradients((p) => tf.sum(tf.mul(p['x'], stopGradient(tf.mul(p['x'], tf.cast(tf.greater(p['x'], 0), 'float32'))))), { x });
      return { value, gradient: gradients['x'] };
    });
    await program.build();
    const { value, gradient } = program.call('run', { x: Float32Array.of(3, -2) });
    expect(Array.from([...value, ...gradient], (x) => x + 0)).toEqual([9, 3, 0]);
    program.dispose();
  }
});

test('a tensor that the function does not depend on has a gradient of zeros', () => {
  const { gradients } = valueAndGradients(({ a }) => tf.sum(a), { a: tf.tensor1d([1, 2]), b: tf.tensor2d([[1], [2]]) });
  expect(gradients['b'].shape).toEqual([2, 1]);
  expect([...gradients['b'].dataSync()]).toEqual([0, 0]);
});
