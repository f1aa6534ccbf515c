import { expect, test } from 'vitest';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { kernels } from '../../lib/tensor/kernels.js';
import { Program, tf, type DType, type NamedTensors, type TensorSpec, type TypedArray } from '../../lib/tensor/index.js';
import { randomStream } from '../../lib/random.js';

interface Case {
  readonly inputs: Readonly<Record<string, Operand>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
}
interface Operand extends TensorSpec {
  readonly values: TypedArray;
}

const random = randomStream('kernels');
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const floats = (shape: number[], low = -2, high = 2): Operand => ({ shape, dtype: 'float32', values: Float32Array.from({ length: size(shape) }, () => low + (high - low) * random.uniform()) });
const positive = (shape: number[]): Operand => floats(shape, 0.2, 3);
const integers = (shape: number[], below: number): Operand => ({ shape, dtype: 'int32', values: Int32Array.from({ length: size(shape) }, () => random.below(below)) });
const bools = (shape: number[]): Operand => ({ shape, dtype: 'bool', values: Uint8Array.from({ length: size(shape) }, () => random.below(2)) });
const listed = (...values: number[]): Operand => ({ shape: [values.length], dtype: 'float32', values: Float32Array.from(values) });

const unary = (x: Operand = floats([3, 4])): Case[] => [{ inputs: { x } }];
const binary = (make: (shape: number[]) => Operand = floats): Case[] => [
  { inputs: { a: make([3, 4]), b: make([3, 4]) } },
  { inputs: { a: make([2, 1, 4]), b: make([3, 1]) } }, // broadcast on both sides
];
const compared = (): Case[] => [...binary(), { inputs: { a: listed(1, 2, 3), b: listed(1, 3, 2) } }];
const reduced = (axes: string): Case[] => [
  { inputs: { x: floats([2, 3, 4]) }, attrs: { [axes]: [1], keepDims: false } },
  { inputs: { x: floats([2, 3, 4]) }, attrs: { [axes]: [0, 2], keepDims: true } },
  { inputs: { x: floats([2, 3, 4]) }, attrs: { [axes]: [0, 1, 2], keepDims: false } },
];

/** at least one a row of the table, run by the kernel's own name on both backends */
const cases: Readonly<Record<string, Case[]>> = {
  Neg: unary(),
  Abs: unary(),
  Sign: unary(listed(-2, 0, 3)),
  Floor: unary(),
  Exp: unary(),
  Expm1: unary(),
  Log: unary(positive([5])),
  Log1p: unary(positive([5])),
  Sqrt: unary(positive([5])),
  Rsqrt: unary(positive([5])),
  Square: unary(),
  Reciprocal: unary(positive([5])),
  Sin: unary(),
  Cos: unary(),
  Erf: unary(),
  Sigmoid: unary(),
  Tanh: unary(),
  Relu: unary(),
  Softplus: unary(),
  IsNan: unary(listed(1, Number.NaN, Number.POSITIVE_INFINITY)),
  IsFinite: unary(listed(1, Number.NaN, Number.POSITIVE_INFINITY)),
  LogicalNot: unary(bools([7])),
  Step: [{ inputs: { x: listed(-1, 0, 2) }, attrs: { alpha: 0.25 } }],
  ClipByValue: [{ inputs: { x: floats([9]) }, attrs: { clipValueMin: -0.5, clipValueMax: 1 } }],
  Cast: [
    { inputs: { x: floats([5]) }, attrs: { dtype: 'int32' } },
    { inputs: { x: bools([5]) }, attrs: { dtype: 'float32' } },
    { inputs: { x: integers([5], 9) }, attrs: { dtype: 'float32' } },
  ],
  Add: binary(),
  AddN: [{ inputs: { 0: floats([3]), 1: floats([3]), 2: floats([3]) } }],
  Sub: binary(),
  Multiply: binary(),
  RealDiv: binary(positive),
  FloorDiv: [{ inputs: { a: integers([6], 50), b: { ...integers([6], 1), values: Int32Array.of(1, 2, 3, 4, 5, 6) } } }],
  Mod: binary(positive),
  SquaredDifference: binary(),
  Maximum: binary(),
  Minimum: binary(),
  Pow: binary(positive),
  Greater: compared(),
  GreaterEqual: compared(),
  Less: compared(),
  LessEqual: compared(),
  Equal: compared(),
  NotEqual: compared(),
  LogicalAnd: binary(bools),
  LogicalOr: binary(bools),
  Select: [{ inputs: { condition: bools([3, 4]), t: floats([3, 4]), e: floats([3, 4]) } }],
  Sum: reduced('axis'),
  Mean: reduced('axis'),
  Max: reduced('reductionIndices'),
  Min: reduced('axis'),
  ArgMax: [{ inputs: { x: floats([3, 5]) }, attrs: { axis: 1 } }, { inputs: { x: { ...listed(1, 7, 7, 2), shape: [1, 4] } }, attrs: { axis: 1 } }],
  Softmax: [{ inputs: { logits: floats([2, 3, 5]) }, attrs: { dim: 2 } }],
  BatchMatMul: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => [
      { inputs: { a: floats(transposeA ? [4, 3] : [3, 4]), b: floats(transposeB ? [5, 4] : [4, 5]) }, attrs: { transposeA, transposeB } },
      { inputs: { a: floats(transposeA ? [2, 4, 3] : [2, 3, 4]), b: floats(transposeB ? [2, 5, 4] : [2, 4, 5]) }, attrs: { transposeA, transposeB } },
    ]),
  ),
  Reshape: [{ inputs: { x: floats([2, 6]) }, attrs: { shape: [3, 4] } }, { inputs: { x: floats([2, 6]) }, attrs: { shape: [-1, 3] } }],
  ExpandDims: [{ inputs: { input: floats([2, 3]) }, attrs: { dim: 1 } }, { inputs: { input: floats([2, 3]) }, attrs: { dim: -1 } }],
  Transpose: [{ inputs: { x: floats([2, 3, 4]) }, attrs: { perm: [2, 0, 1] } }],
  Tile: [{ inputs: { x: floats([2, 3]) }, attrs: { reps: [2, 3] } }],
  Slice: [{ inputs: { x: floats([4, 5]) }, attrs: { begin: [1, 2], size: [2, -1] } }, { inputs: { x: floats([4, 5]) }, attrs: { begin: 1, size: 2 } }],
  PadV2: [{ inputs: { x: floats([2, 3]) }, attrs: { paddings: [[1, 0], [2, 1]], constantValue: 3 } }],
  SplitV: [
    { inputs: { x: floats([2, 6]) }, attrs: { numOrSizeSplits: 3, axis: 1 } },
    { inputs: { x: floats([2, 6]) }, attrs: { numOrSizeSplits: [1, 3, 2], axis: -1 } },
    { inputs: { x: floats([2, 6]) }, attrs: { numOrSizeSplits: [1, -1], axis: 1 } },
  ],
  Concat: [{ inputs: { 0: floats([2, 1]), 1: floats([2, 3]) }, attrs: { axis: 1 } }],
  Pack: [{ inputs: { 0: floats([2, 3]), 1: floats([2, 3]) }, attrs: { axis: 1 } }],
  Unpack: [{ inputs: { value: floats([2, 3]) }, attrs: { axis: 1 } }],
  GatherV2: [{ inputs: { x: floats([6, 3]), indices: integers([2, 4], 6) }, attrs: { axis: 0, batchDims: 0 } }, { inputs: { x: floats([2, 5, 3]), indices: integers([4], 5) }, attrs: { axis: 1, batchDims: 0 } }],
  UnsortedSegmentSum: [{ inputs: { x: floats([6, 3]), segmentIds: integers([6], 4) }, attrs: { numSegments: 4 } }],
  OneHot: [{ inputs: { indices: integers([2, 3], 5) }, attrs: { depth: 5, onValue: 2, offValue: -1, dtype: 'float32' } }],
  Fill: [{ inputs: {}, attrs: { shape: [3, 5], value: 2.5, dtype: 'float32' } }, { inputs: {}, attrs: { shape: [2], value: 3, dtype: 'int32' } }],
  OptimizationBarrier: unary(),
  ZerosLike: unary(),
  OnesLike: unary(floats([40])),
};

const numbered = Object.entries(cases).flatMap(([kernel, list]) => list.map((one, i) => ({ kernel, id: `${kernel}.${i}`, ...one })));

async function run(mode: 'eager' | 'graph' | 'xla'): Promise<Readonly<Record<string, TypedArray>>> {
  const program = new Program('kernels', { mode });
  const operands = numbered.flatMap(({ id, inputs }) => Object.entries(inputs).map(([name, operand]) => [`${id}/${name}`, operand] as const));
  program.entry('all', Object.fromEntries(operands.map(([name, { shape, dtype }]) => [name, { shape, dtype }])), (given) => {
    const outputs: Record<string, Tensor> = {};
    for (const { kernel, id, inputs, attrs } of numbered) {
      const named: Record<string, Tensor> = Object.fromEntries(Object.keys(inputs).map((name) => [name, given[`${id}/${name}`]]));
      // tfjs hands lists of tensors over as arrays, which its types do not say
      const tensors = '0' in named ? (Object.values(named) as unknown as Record<string, Tensor>) : named;
      const result: Tensor | Tensor[] = tf.engine().runKernel(kernel, tensors, { ...attrs } as Record<string, number>);
      [result].flat().forEach((tensor: Tensor, i) => (outputs[`${id}[${i}] ${tensor.dtype} [${tensor.shape.join(', ')}]`] = tensor));
    }
    return outputs satisfies NamedTensors;
  });
  await program.build();
  const outputs = program.call('all', Object.fromEntries(operands.map(([name, { values }]) => [name, values])));
  program.dispose();
  return outputs;
}

test('every row of the kernel table has a case', () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys(kernels).toSorted());
});

test('every kernel gives under the tracer, plain and under XLA, the shapes, dtypes and values of the ordinary backend', async () => {
  const eager = await run('eager');
  for (const mode of ['graph', 'xla'] as const) {
    const traced = await run(mode);
    expect(Object.keys(traced)).toEqual(Object.keys(eager)); // shapes and dtypes are in the names
    for (const [name, values] of Object.entries(eager)) {
      expect(traced[name], `${mode} ${name}`).toHaveLength(values.length);
      values.forEach((value, i) => {
        const tolerance = 2e-6 * Math.max(1, Math.abs(value));
        expect(Math.abs(traced[name][i] - value), `${mode} ${name}: element ${i}, ${traced[name][i]} for ${value}`).toBeLessThanOrEqual(tolerance);
      });
    }
  }
});

const dtypes: DType[] = ['float32', 'int32'];
test.each(dtypes)('sums of sums of %s are compiled by XLA', async (dtype) => {
  const program = new Program('sums', { mode: 'xla' });
  const spec = { shape: [4], dtype };
  program.entry('sum', { a: spec, b: spec, c: spec }, ({ a, b, c }) => ({ sum: tf.add(tf.add(tf.add(a, b), tf.add(b, c)), tf.add(a, c)) }));
  await program.build();
  const make = (...values: number[]): TypedArray => (dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values));
  expect([...program.call('sum', { a: make(1, 2, 3, -4), b: make(5, 6, 7, 8), c: make(9, 10, 11, 12) }).sum]).toEqual([30, 36, 42, 32]);
  program.dispose();
});
