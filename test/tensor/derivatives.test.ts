import { expect, test } from 'vitest';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { randomStream } from '../../lib/random.js';
import { twiceDifferentiable } from '../../lib/tensor/derivative-orders.js';
import {
  crossEntropy, directionalDerivative, embedding, gelu, innerProduct, layerNorm, logSoftmax, logSumExp, Program, ProgramError, rmsNorm, silu, softmaxAlong, stopGradient, tf, valueAndGradients,
  type CallOutputs, type NamedTensors,
} from '../../lib/tensor/index.js';
import { kernels } from '../../lib/tensor/kernels.js';
import * as ops from '../../lib/tensor/ops.js';
import { erf64, gradient64, hessianProduct64, type Inputs } from './finite-differences.js';

interface Case {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** range of the inputs; (−1.5, 1.5) by default */
  readonly range?: readonly [number, number];
  readonly tensor: (x: NamedTensors) => Tensor;
  /** the same in float64, flat */
  readonly reference: (x: Inputs) => ArrayLike<number>;
}

/** the kernel itself, by its name, as tfjs' ops call it; the first of its outputs where it has several */
function run(kernel: string, inputs: NamedTensors | readonly Tensor[], attrs: Readonly<Record<string, unknown>> = {}): Tensor {
  const [first] = outputsOf(kernel, inputs, attrs);
  return first;
}
function outputsOf(kernel: string, inputs: NamedTensors | readonly Tensor[], attrs: Readonly<Record<string, unknown>>): Tensor[] {
  // tfjs takes lists of tensors as arrays and every kind of attribute, which its types do not say
  const result: Tensor | Tensor[] = tf.engine().runKernel(kernel, inputs as unknown as Record<string, Tensor>, attrs as Record<string, number>);
  return [result].flat();
}

const unary = (kernel: string, reference: (x: number) => number, range?: readonly [number, number], attrs?: Readonly<Record<string, unknown>>): Case => ({
  inputs: { x: [7] },
  ...(range ? { range } : {}),
  tensor: ({ x }) => run(kernel, { x }, attrs),
  reference: ({ x }) => x.map(reference),
});
/** constant almost everywhere: its product with x has the constant as derivative */
const steps = (kernel: string, reference: (x: number) => number, attrs?: Readonly<Record<string, unknown>>): Case => ({
  inputs: { x: [7] },
  tensor: ({ x }) => tf.mul(x, run(kernel, { x }, attrs)),
  reference: ({ x }) => x.map((value) => value * reference(value)),
});
/** broadcast on both sides: the gradients are summed */
const binary = (kernel: string, reference: (a: number, b: number) => number, range?: readonly [number, number]): Case[] => [
  { inputs: { a: [2, 3], b: [3] }, ...(range ? { range } : {}), tensor: ({ a, b }) => run(kernel, { a, b }), reference: ({ a, b }) => a.map((value, i) => reference(value, b[i % 3])) },
  { inputs: { a: [2, 1], b: [2, 3] }, ...(range ? { range } : {}), tensor: ({ a, b }) => run(kernel, { a, b }), reference: ({ a, b }) => b.map((value, i) => reference(a[Math.floor(i / 3)], value)) },
];
/** over the last axis, and over the first with the axis kept */
const reduced = (kernel: string, axes: string, reference: (row: Float64Array) => number): Case[] => [
  { inputs: { x: [2, 3] }, tensor: ({ x }) => run(kernel, { x }, { [axes]: [1], keepDims: false }), reference: ({ x }) => rows(x, 3).map(reference) },
  { inputs: { x: [2, 3] }, tensor: ({ x }) => run(kernel, { x }, { [axes]: [0], keepDims: true }), reference: ({ x }) => rows(transposed(x, 3, 2), 2).map(reference) },
  { inputs: { x: [2, 3] }, tensor: ({ x }) => run(kernel, { x }, { [axes]: [0, 1], keepDims: false }), reference: ({ x }) => [reference(x)] },
];

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
const rms64 = (x: Float64Array, gain: Float64Array): Float64Array => x.map((value, i) => (value / Math.sqrt(sum(x.map((w) => w * w)) / x.length + 1e-5)) * gain[i]);
const flat = (parts: Float64Array[]): number[] => parts.flatMap((part) => [...part]);
/** [n, m] → [m, n] given as (x, m, n) @returns [n, m] */
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
const sigmoid64 = (x: number): number => 1 / (1 + Math.exp(-x));
const ids = [1, 0, 2, 1];
const idTensor = (): Tensor => tf.tensor1d(ids, 'int32');
const largest = (row: Float64Array): number => row.indexOf(Math.max(...row));

const products = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB): Case[] => [
    {
      inputs: { a: transposeA ? [3, 2] : [2, 3], b: transposeB ? [4, 3] : [3, 4] },
      tensor: ({ a, b }) => run('BatchMatMul', { a, b }, { transposeA, transposeB }),
      reference: ({ a, b }) => product64(transposeA ? transposed(a, 2, 3) : a, transposeB ? transposed(b, 3, 4) : b, 3),
    },
    {
      inputs: { a: transposeA ? [2, 3, 2] : [2, 2, 3], b: transposeB ? [2, 4, 3] : [2, 3, 4] },
      tensor: ({ a, b }) => run('BatchMatMul', { a, b }, { transposeA, transposeB }),
      reference: ({ a, b }) => rows(a, 6).flatMap((part, i) => [...product64(transposeA ? transposed(part, 2, 3) : part, transposeB ? transposed(rows(b, 12)[i], 3, 4) : rows(b, 12)[i], 3)]),
    },
  ]),
);

/** Every kernel that a second derivative can pass through. */
const kernelCases: Readonly<Record<string, readonly Case[]>> = {
  Neg: [unary('Neg', (x) => -x)],
  Abs: [unary('Abs', Math.abs)],
  Sign: [steps('Sign', Math.sign)],
  Floor: [steps('Floor', Math.floor)],
  Step: [steps('Step', (x) => (x > 0 ? 1 : 0.25), { alpha: 0.25 })],
  Exp: [unary('Exp', Math.exp)],
  Expm1: [unary('Expm1', Math.expm1)],
  Log: [unary('Log', Math.log, [0.4, 2])],
  Log1p: [unary('Log1p', Math.log1p, [-0.4, 2])],
  Sqrt: [unary('Sqrt', Math.sqrt, [0.4, 2])],
  Rsqrt: [unary('Rsqrt', (x) => 1 / Math.sqrt(x), [0.4, 2])],
  Square: [unary('Square', (x) => x * x)],
  Reciprocal: [unary('Reciprocal', (x) => 1 / x, [0.5, 2])],
  Sin: [unary('Sin', Math.sin)],
  Cos: [unary('Cos', Math.cos)],
  Erf: [unary('Erf', erf64)],
  Sigmoid: [unary('Sigmoid', sigmoid64)],
  Tanh: [unary('Tanh', Math.tanh)],
  Relu: [unary('Relu', (x) => Math.max(x, 0))],
  Softplus: [unary('Softplus', (x) => Math.log1p(Math.exp(x)))],
  ClipByValue: [unary('ClipByValue', (x) => Math.max(-0.5, Math.min(0.8, x)), undefined, { clipValueMin: -0.5, clipValueMax: 0.8 })],
  Cast: [{ inputs: { x: [5] }, tensor: ({ x }) => tf.mul(x, run('Cast', { x }, { dtype: 'float32' })), reference: ({ x }) => x.map((value) => value * value) }],
  Identity: [unary('Identity', (x) => x)],

  Add: binary('Add', (a, b) => a + b),
  AddN: [{ inputs: { a: [3], b: [3], c: [3] }, tensor: ({ a, b, c }) => run('AddN', [a, b, c, a]), reference: ({ a, b, c }) => a.map((value, i) => 2 * value + b[i] + c[i]) }],
  Sub: binary('Sub', (a, b) => a - b),
  Multiply: binary('Multiply', (a, b) => a * b),
  RealDiv: binary('RealDiv', (a, b) => a / b, [0.5, 2]),
  Mod: binary('Mod', (a, b) => a - b * Math.floor(a / b), [0.5, 2]),
  SquaredDifference: binary('SquaredDifference', (a, b) => (a - b) ** 2),
  Maximum: binary('Maximum', Math.max),
  Minimum: binary('Minimum', Math.min),
  Pow: binary('Pow', (a, b) => a ** b, [0.5, 2]),
  Select: [
    {
      inputs: { a: [2, 3], b: [2, 3] },
      tensor: ({ a, b }) => run('Select', { condition: stopGradient(tf.greater(a, 0)), t: tf.mul(a, b), e: tf.add(a, b) }),
      reference: ({ a, b }) => a.map((value, i) => (value > 0 ? value * b[i] : value + b[i])),
    },
  ],

  Sum: reduced('Sum', 'axis', sum),
  Mean: reduced('Mean', 'axis', (row) => sum(row) / row.length),
  Max: reduced('Max', 'reductionIndices', (row) => Math.max(...row)),
  Min: reduced('Min', 'axis', (row) => Math.min(...row)),
  ArgMax: [{ inputs: { x: [2, 3] }, tensor: ({ x }) => tf.mul(tf.cast(run('ArgMax', { x }, { axis: 1 }), 'float32'), tf.sum(x, 1)), reference: ({ x }) => rows(x, 3).map((row) => largest(row) * sum(row)) }],
  OneHot: [
    {
      inputs: { x: [2, 3] },
      tensor: ({ x }) => tf.mul(x, run('OneHot', { indices: tf.argMax(x, 1) }, { depth: 3, onValue: 2, offValue: -1, dtype: 'float32' })),
      reference: ({ x }) => flat(rows(x, 3).map((row) => row.map((value, i) => value * (i === largest(row) ? 2 : -1)))),
    },
  ],
  Softmax: [{ inputs: { x: [2, 4] }, tensor: ({ x }) => run('Softmax', { logits: x }, { dim: 1 }), reference: ({ x }) => flat(rows(x, 4).map(softmax64)) }],
  BatchMatMul: products,

  Reshape: [{ inputs: { x: [2, 3] }, tensor: ({ x }) => run('Reshape', { x }, { shape: [3, 2] }), reference: ({ x }) => x }],
  ExpandDims: [{ inputs: { x: [2, 3] }, tensor: ({ x }) => run('ExpandDims', { input: x }, { dim: 1 }), reference: ({ x }) => x }],
  Transpose: [
    { inputs: { x: [2, 3] }, tensor: ({ x }) => run('Transpose', { x }, { perm: [1, 0] }), reference: ({ x }) => transposed(x, 3, 2) },
    { inputs: { x: [2, 3, 2] }, tensor: ({ x }) => run('Transpose', { x }, { perm: [2, 0, 1] }), reference: ({ x }) => transposed(x, 2, 6) },
  ],
  Tile: [
    { inputs: { x: [1, 3] }, tensor: ({ x }) => run('Tile', { x }, { reps: [2, 1] }), reference: ({ x }) => [...x, ...x] },
    { inputs: { x: [2, 1, 2] }, tensor: ({ x }) => run('Tile', { x }, { reps: [1, 2, 1] }), reference: ({ x }) => rows(x, 2).flatMap((row) => [...row, ...row]) },
  ],
  Slice: [{ inputs: { x: [3, 4] }, tensor: ({ x }) => run('Slice', { x }, { begin: [1, 2], size: [2, 1] }), reference: ({ x }) => rows(x, 4).slice(1).map((row) => row[2]) }],
  PadV2: [
    {
      inputs: { x: [2, 2] },
      tensor: ({ x }) => run('PadV2', { x }, { paddings: [[0, 1], [1, 0]], constantValue: 3 }),
      reference: ({ x }) => [...rows(x, 2).flatMap((row) => [3, ...row]), 3, 3, 3],
    },
  ],
  // of several outputs each is multiplied by another, and one is not used
  SplitV: [
    {
      inputs: { x: [2, 5] },
      tensor: ({ x }) => {
        const [first, , third] = outputsOf('SplitV', { x }, { numOrSizeSplits: [2, 1, 2], axis: 1 });
        return tf.mul(first, third);
      },
      reference: ({ x }) => rows(x, 5).flatMap(([a, b, , d, e]) => [a * d, b * e]),
    },
  ],
  Unpack: [
    {
      inputs: { x: [2, 3] },
      tensor: ({ x }) => {
        const [first, , third] = outputsOf('Unpack', { value: x }, { axis: 1 });
        return tf.mul(first, third);
      },
      reference: ({ x }) => rows(x, 3).map(([a, , c]) => a * c),
    },
  ],
  Concat: [{ inputs: { a: [2, 1], b: [2, 2] }, tensor: ({ a, b }) => run('Concat', [b, a], { axis: 1 }), reference: ({ a, b }) => rows(b, 2).flatMap((row, i) => [...row, a[i]]) }],
  Pack: [{ inputs: { a: [2], b: [2] }, tensor: ({ a, b }) => run('Pack', [a, b], { axis: 1 }), reference: ({ a, b }) => [a[0], b[0], a[1], b[1]] }],

  GatherV2: [
    { inputs: { x: [3, 2] }, tensor: ({ x }) => run('GatherV2', { x, indices: idTensor() }, { axis: 0, batchDims: 0 }), reference: ({ x }) => ids.flatMap((id) => [...rows(x, 2)[id]]) },
    { inputs: { x: [2, 3] }, tensor: ({ x }) => run('GatherV2', { x, indices: idTensor() }, { axis: 1, batchDims: 0 }), reference: ({ x }) => rows(x, 3).flatMap((row) => ids.map((id) => row[id])) },
    {
      inputs: { x: [2, 3] },
      tensor: ({ x }) => run('GatherV2', { x, indices: tf.tensor2d([[2, 0, 2], [1, 1, 0]], undefined, 'int32') }, { axis: 1, batchDims: 1 }),
      reference: ({ x }) => [x[2], x[0], x[2], x[4], x[4], x[3]],
    },
  ],
  UnsortedSegmentSum: [
    {
      inputs: { x: [4, 2] },
      tensor: ({ x }) => run('UnsortedSegmentSum', { x, segmentIds: idTensor() }, { numSegments: 4 }),
      reference: ({ x }) => [x[2], x[3], x[0] + x[6], x[1] + x[7], x[4], x[5], 0, 0],
    },
  ],
  Fill: [{ inputs: { x: [3] }, tensor: ({ x }) => tf.mul(run('Fill', {}, { shape: [3], value: 2.5, dtype: 'float32' }), x), reference: ({ x }) => x.map((value) => 2.5 * value) }],
  OptimizationBarrier: [{ inputs: { x: [3] }, tensor: ({ x }) => tf.exp(run('OptimizationBarrier', { x: tf.exp(x) })), reference: ({ x }) => x.map((v) => Math.exp(Math.exp(v))) }],
  ZerosLike: [{ inputs: { x: [3] }, tensor: ({ x }) => tf.mul(x, tf.add(x, run('ZerosLike', { x }))), reference: ({ x }) => x.map((value) => value * value) }],
  OnesLike: [{ inputs: { x: [3] }, tensor: ({ x }) => tf.mul(x, tf.add(x, run('OnesLike', { x }))), reference: ({ x }) => x.map((value) => value * (value + 1)) }],
};

/** Rows of the kernel table that no derivative passes through: what each makes of x, for a product with x. */
const without: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  FloorDiv: (x) => run('FloorDiv', { a: x, b: tf.onesLike(x) }),
  IsNan: (x) => run('IsNan', { x }),
  IsFinite: (x) => run('IsFinite', { x }),
  ...Object.fromEntries(['Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'].map((kernel) => [kernel, (x: Tensor) => run(kernel, { a: x, b: tf.zerosLike(x) })])),
  LogicalNot: (x) => run('LogicalNot', { x: tf.greater(x, 0) }),
  LogicalAnd: (x) => run('LogicalAnd', { a: tf.greater(x, 0), b: tf.less(x, 1) }),
  LogicalOr: (x) => run('LogicalOr', { a: tf.greater(x, 0), b: tf.less(x, 1) }),
  'Cast to int32': (x) => run('Cast', { x }, { dtype: 'int32' }),
  'Cast to bool': (x) => run('Cast', { x }, { dtype: 'bool' }),
};

/** Ops of several kernels, ours and tfjs'. */
const composites: Readonly<Record<string, Case>> = {
  gelu: { inputs: { x: [7] }, tensor: ({ x }) => gelu(x), reference: ({ x }) => x.map(gelu64) },
  silu: { inputs: { x: [7] }, tensor: ({ x }) => silu(x), reference: ({ x }) => x.map((value) => value * sigmoid64(value)) },
  // shapes only: what goes through them is an exponential
  'transpose under exp': { inputs: { x: [2, 3] }, tensor: ({ x }) => tf.exp(tf.transpose(x)), reference: ({ x }) => transposed(x, 3, 2).map(Math.exp) },
  logSumExp: { inputs: { x: [2, 4] }, tensor: ({ x }) => logSumExp(x), reference: ({ x }) => rows(x, 4).map(lse64) },
  "tfjs' own logSumExp": { inputs: { x: [2, 4] }, tensor: ({ x }) => tf.logSumExp(x, -1), reference: ({ x }) => rows(x, 4).map(lse64) },
  logSoftmax: { inputs: { x: [2, 4] }, tensor: ({ x }) => logSoftmax(x), reference: ({ x }) => flat(rows(x, 4).map((row) => row.map((v) => v - lse64(row)))) },
  'logSumExp of the first axis': { inputs: { x: [4, 2] }, tensor: ({ x }) => logSumExp(x, 0), reference: ({ x }) => rows(transposed(x, 2, 4), 4).map(lse64) },
  'logSoftmax of the first axis': {
    inputs: { x: [4, 2] },
    tensor: ({ x }) => tf.transpose(logSoftmax(x, 0)),
    reference: ({ x }) => flat(rows(transposed(x, 2, 4), 4).map((row) => row.map((v) => v - lse64(row)))),
  },
  softmaxAlong: { inputs: { x: [4, 2] }, tensor: ({ x }) => tf.transpose(softmaxAlong(x, 0)), reference: ({ x }) => flat(rows(transposed(x, 2, 4), 4).map(softmax64)) },
  'layerNorm of the first axis': {
    inputs: { x: [4, 2], gain: [4], bias: [4] },
    tensor: ({ x, gain, bias }) => tf.transpose(layerNorm(x, gain, bias, 1e-5, 0)),
    reference: ({ x, gain, bias }) => flat(rows(transposed(x, 2, 4), 4).map((row) => norm64(row, gain, bias))),
  },
  layerNorm: {
    inputs: { x: [2, 4], gain: [4], bias: [4] },
    tensor: ({ x, gain, bias }) => layerNorm(x, gain, bias, 1e-5),
    reference: ({ x, gain, bias }) => flat(rows(x, 4).map((row) => norm64(row, gain, bias))),
  },
  rmsNorm: { inputs: { x: [2, 4], gain: [4] }, tensor: ({ x, gain }) => rmsNorm(x, gain, 1e-5), reference: ({ x, gain }) => flat(rows(x, 4).map((row) => rms64(row, gain))) },
  'rmsNorm of the first axis': {
    inputs: { x: [4, 2], gain: [4] },
    tensor: ({ x, gain }) => tf.transpose(rmsNorm(x, gain, 1e-5, 0)),
    reference: ({ x, gain }) => flat(rows(transposed(x, 2, 4), 4).map((row) => rms64(row, gain))),
  },
  // what a block of LLaMA multiplies: the gate and its norm on one path
  'SwiGLU of an RMSNorm': {
    inputs: { x: [4, 2], gain: [4], gate: [3, 4], up: [3, 4] },
    tensor: ({ x, gain, gate, up }) => {
      const y = rmsNorm(x, gain, 1e-5, 0);
      return tf.transpose(tf.mul(silu(tf.matMul(gate, y)), tf.matMul(up, y)));
    },
    reference: ({ x, gain, gate, up }) =>
      rows(transposed(x, 2, 4), 4).flatMap((row) => {
        const y = rms64(row, gain);
        const [g, u] = [product64(gate, y, 4), product64(up, y, 4)];
        return [...g.map((value, i) => value * sigmoid64(value) * u[i])];
      }),
  },
  embedding: { inputs: { table: [3, 2] }, tensor: ({ table }) => tf.exp(embedding(table, tf.tensor1d(ids, 'int32'))), reference: ({ table }) => ids.flatMap((id) => [...table.slice(id * 2, id * 2 + 2)].map(Math.exp)) },
  crossEntropy: {
    inputs: { x: [4, 3] },
    tensor: ({ x }) => crossEntropy(tf.transpose(x), tf.tensor1d(ids, 'int32')),
    reference: ({ x }) => rows(x, 3).map((row, i) => lse64(row) - row[ids[i]]),
  },
  // a block of attention in small: every op of a language model on one path
  'attention, norm, GELU and cross-entropy': {
    inputs: { table: [3, 4], gain: [4], bias: [4], qkv: [4, 12], out: [4, 3] },
    range: [-0.9, 0.9],
    tensor: ({ table, gain, bias, qkv, out }) => {
      const x = embedding(table, tf.tensor1d(ids, 'int32'));
      const [q, k, v] = tf.split(tf.matMul(layerNorm(x, gain, bias, 1e-5), qkv), 3, 1);
      const mixed = tf.add(x, tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 0.5)), v));
      return crossEntropy(tf.transpose(tf.matMul(gelu(mixed), out)), tf.tensor1d([0, 2, 1, 0], 'int32'));
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

const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(Object.entries(kernelCases).flatMap(([kernel, list]) => list.map((one, i) => [list.length > 1 ? `${kernel} ${i + 1}` : kernel, one]))),
  ...composites,
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

const modes = ['eager', 'graph', 'xla'] as const;

async function derivatives(mode: (typeof modes)[number]): Promise<CallOutputs> {
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

const computed = { eager: await derivatives('eager'), graph: await derivatives('graph'), xla: await derivatives('xla') };

test.each(Object.keys(cases))('first and second derivative of %s equal float64 differences, eagerly, traced and compiled', (name) => {
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
  for (const mode of modes) {
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

test('every row of the kernel table has a case of its second derivative, or is refused', () => {
  expect(Object.keys(kernelCases).toSorted()).toEqual([...twiceDifferentiable].toSorted());
  const refused = Object.keys(without).filter((name) => name in kernels);
  expect([...Object.keys(kernelCases).filter((kernel) => kernel !== 'Identity'), ...refused].toSorted()).toEqual(Object.keys(kernels).toSorted());
});

test('every op of our own has a case', () => {
  expect(Object.keys(ops).filter((name) => !(name in composites))).toEqual([]);
});

/** the error of a program whose one entry is the body */
async function failure(mode: (typeof modes)[number], body: (x: Tensor) => Tensor): Promise<unknown> {
  const program = new Program('refused', { mode });
  program.entry('step', { x: { shape: [3], dtype: 'float32' } }, ({ x }) => ({ y: body(x) }));
  try {
    await program.build();
    program.call('step', { x: Float32Array.of(0.5, -1, 2) });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    program.dispose();
  }
}
const gradientOf = (f: (x: Tensor) => Tensor) => (x: Tensor): Tensor => valueAndGradients(({ x: at }) => tf.sum(f(at)), { x }).gradients['x'];

test.each(Object.entries(without))('%s is refused by name, in a first derivative and in a second, and passes where it is hidden', async (name, kernel) => {
  const masked = (x: Tensor): Tensor => tf.mul(x, tf.cast(kernel(x), 'float32'));
  const hidden = (x: Tensor): Tensor => tf.mul(tf.square(x), stopGradient(tf.cast(kernel(x), 'float32')));
  for (const mode of ['eager', 'graph'] as const) {
    for (const derivative of [gradientOf(masked), gradientOf(gradientOf(masked))]) {
      const error = await failure(mode, derivative);
      expect(error).toBeInstanceOf(ProgramError);
      expect(String(error), mode).toContain(`refused.step: kernel ${name} has no derivative`);
    }
    expect(await failure(mode, gradientOf(gradientOf(hidden)))).toBeUndefined();
  }
});

/** what tfjs differentiates once: some of it saves its output, and would lose a term without a word */
const once: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  Elu: (x) => tf.elu(x),
  Selu: (x) => tf.selu(x),
  Atan: (x) => tf.atan(x),
  Tan: (x) => tf.tan(x),
  Cumsum: (x) => tf.cumsum(x),
  Prod: (x) => tf.prod(x),
  LeakyRelu: (x) => tf.leakyRelu(x),
};

test.each(Object.entries(once))('%s, not of the table, has its first derivative eagerly and is refused by name in a second', async (name, op) => {
  expect(await failure('eager', gradientOf(op))).toBeUndefined();
  const squared = (x: Tensor): Tensor => tf.square(op(x));
  for (const body of [gradientOf(gradientOf(squared)), (x: Tensor) => directionalDerivative(({ x: at }) => squared(at), { x }, { x }, squared(x).shape)]) {
    const error = await failure('eager', body);
    expect(error).toBeInstanceOf(ProgramError);
    expect(String(error)).toContain(`refused.step: kernel ${name} has no second derivative`);
  }
});

test('no kernel of tfjs that has no case is differentiated within another derivative', () => {
  const others = tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName).filter((name) => !twiceDifferentiable.has(name));
  expect(others.length).toBeGreaterThan(80);
  const tried: string[] = [];
  gradientOf((x) => {
    for (const name of others) {
      // before it looks at what it was given
      expect(() => tf.getGradient(name).gradFunc(x, [], {}), name).toThrow(new RegExp(`^outside of any program: kernel ${name} has no (second )?derivative`));
      tried.push(name);
    }
    return x;
  })(tf.tensor1d([1]));
  expect(tried).toEqual(others);
});

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
