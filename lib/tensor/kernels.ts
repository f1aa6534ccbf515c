import { add, binary, emit, int32, product, reduction, reshape, typeOf, unary, withAttrs, type Kernel, type ProductNode } from './kernel-rules.js';
import { axisOf, broadcastShape, resolveReshape, sameShape, withSize } from './shapes.js';
import type { DType, Shape } from './types.js';

/**
 * Every tfjs kernel that can be traced, under tfjs' name: its shape rule, the TensorFlow op it becomes and that op's attributes.
 * `Identity` is the one exception: the backend shares its data. To add a kernel, add a row,
 * a case to test/tensor/kernels.test.ts, and one to test/tensor/derivatives.test.ts, which asks for its derivatives or that it has none.
 */
export const kernels: Readonly<Record<string, Kernel>> = {
  // element by element
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Floor: unary('Floor'),
  Exp: unary('Exp'),
  Expm1: unary('Expm1'),
  Log: unary('Log'),
  Log1p: unary('Log1p'),
  Sqrt: unary('Sqrt'),
  Rsqrt: unary('Rsqrt'),
  Square: unary('Square'),
  Reciprocal: unary('Reciprocal'),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Erf: unary('Erf'),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Relu: unary('Relu', { output: 'activations' }),
  Softplus: unary('Softplus', { output: 'activations' }),
  IsNan: unary('IsNan', { dtype: 'bool' }),
  IsFinite: unary('IsFinite', { dtype: 'bool' }),
  LogicalNot: unary('LogicalNot', { typed: false }),
  /** 1 where x > 0, α elsewhere */
  Step: withAttrs<{ alpha: number }>(({ x }, { alpha }, graph) => {
    const scalar = (value: number): string => graph.constant(x.dtype, [], [value]);
    const positive = emit(graph, { op: 'Greater', inputs: [x.ref, scalar(0)], attrs: { T: typeOf(x) }, output: 'z', shape: x.shape, dtype: 'bool' });
    return emit(graph, { op: 'SelectV2', inputs: [positive.ref, scalar(1), scalar(alpha)], attrs: { T: typeOf(x) }, output: 'output', shape: x.shape, dtype: x.dtype });
  }),
  ClipByValue: withAttrs<{ clipValueMin: number; clipValueMax: number }>(({ x }, { clipValueMin, clipValueMax }, graph) => {
    const bound = (op: string, ref: string, value: number): string =>
      emit(graph, { op, inputs: [ref, graph.constant(x.dtype, [], [value])], attrs: { T: typeOf(x) }, output: 'z', shape: x.shape, dtype: x.dtype }).ref;
    return { ...x, ref: bound('Minimum', bound('Maximum', x.ref, clipValueMin), clipValueMax) };
  }),
  Cast: withAttrs<{ dtype: DType }>(({ x }, { dtype }, graph) =>
    x.dtype === dtype ? x : emit(graph, { op: 'Cast', inputs: [x.ref], attrs: { SrcT: typeOf(x), DstT: { type: dtype } }, output: 'y', shape: x.shape, dtype }),
  ),

  // two operands, broadcast
  Add: ({ a, b }, _, graph) => add(a, b, graph),
  AddN: (inputs, _, graph) => Object.values(inputs).reduce((sum, x) => add(sum, x, graph)),
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('RealDiv'),
  FloorDiv: binary('FloorDiv'),
  Mod: binary('FloorMod'),
  SquaredDifference: binary('SquaredDifference'),
  Maximum: binary('Maximum'),
  Minimum: binary('Minimum'),
  Pow: binary('Pow'),
  Greater: binary('Greater', { dtype: 'bool' }),
  GreaterEqual: binary('GreaterEqual', { dtype: 'bool' }),
  Less: binary('Less', { dtype: 'bool' }),
  LessEqual: binary('LessEqual', { dtype: 'bool' }),
  Equal: binary('Equal', { dtype: 'bool' }),
  NotEqual: binary('NotEqual', { dtype: 'bool' }),
  LogicalAnd: binary('LogicalAnd', { dtype: 'bool', typed: false }),
  LogicalOr: binary('LogicalOr', { dtype: 'bool', typed: false }),
  Select: ({ condition, t, e }, _, graph) =>
    emit(graph, {
      op: 'SelectV2',
      inputs: [condition.ref, t.ref, e.ref],
      attrs: { T: typeOf(t) },
      output: 'output',
      shape: broadcastShape(broadcastShape(condition.shape, t.shape), e.shape),
      dtype: t.dtype,
    }),

  // reductions
  Sum: reduction('Sum'),
  Mean: reduction('Mean'),
  Max: reduction('Max'),
  Min: reduction('Min'),
  ArgMax: withAttrs<{ axis: number }>(({ x }, { axis }, graph) => {
    const along = axisOf(axis, x.shape.length);
    return emit(graph, {
      op: 'ArgMax',
      inputs: [x.ref, graph.integer(along)],
      attrs: { T: typeOf(x), Tidx: int32, output_type: int32 },
      output: 'output',
      shape: x.shape.filter((_, i) => i !== along),
      dtype: 'int32',
    });
  }),
  Softmax: unary('Softmax', { input: 'logits', output: 'softmax' }), // over the last axis, the only one tfjs allows

  // products
  BatchMatMul: withAttrs<{ transposeA: boolean; transposeB: boolean }>(({ a, b }, { transposeA, transposeB }, graph) => {
    const [aRows, aColumns] = a.shape.slice(-2);
    const [bRows, bColumns] = b.shape.slice(-2);
    const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [innerB, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    if (inner !== innerB) throw new RangeError(`inner sizes ${inner} and ${innerB} differ`);
    const plain = a.shape.length === 2 && b.shape.length === 2;
    const shape = plain ? [rows, columns] : [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    return product(graph, { a, b, shape }, (T): ProductNode =>
      plain
        ? { op: 'MatMul', attrs: { T, transpose_a: { bool: transposeA }, transpose_b: { bool: transposeB } }, output: 'product' }
        : { op: 'BatchMatMulV2', attrs: { T, adj_x: { bool: transposeA }, adj_y: { bool: transposeB } }, output: 'output' },
    );
  }),

  // shapes
  Reshape: withAttrs<{ shape: Shape }>(({ x }, { shape }, graph) => {
    const to = resolveReshape(x.shape, shape);
    return sameShape(to, x.shape) ? x : reshape(x, to, graph);
  }),
  ExpandDims: withAttrs<{ dim: number }>(({ input }, { dim }, graph) => {
    const at = dim < 0 ? dim + input.shape.length + 1 : dim;
    return reshape(input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)], graph);
  }),
  Transpose: withAttrs<{ perm: Shape }>(({ x }, { perm }, graph) =>
    emit(graph, {
      op: 'Transpose',
      inputs: [x.ref, graph.integers(perm)],
      attrs: { T: typeOf(x), Tperm: int32 },
      output: 'y',
      shape: perm.map((axis) => x.shape[axis]),
      dtype: x.dtype,
    }),
  ),
  Tile: withAttrs<{ reps: Shape }>(({ x }, { reps }, graph) =>
    emit(graph, {
      op: 'Tile',
      inputs: [x.ref, graph.integers(reps)],
      attrs: { T: typeOf(x), Tmultiples: int32 },
      output: 'output',
      shape: x.shape.map((size, i) => size * reps[i]),
      dtype: x.dtype,
    }),
  ),
  Slice: withAttrs<{ begin: number | Shape; size: number | Shape }>(({ x }, { begin, size }, graph) => {
    const begins = [begin].flat();
    const sizes = [size].flat();
    // fewer than the rank say nothing of the later axes: those stay whole
    const starts = x.shape.map((_, i) => (begins[i] === undefined ? 0 : begins[i]));
    const shape = x.shape.map((whole, i) => (sizes[i] === undefined || sizes[i] === -1 ? whole - starts[i] : sizes[i]));
    shape.forEach((s, i) => {
      if (starts[i] < 0 || starts[i] + s > x.shape[i]) throw new RangeError(`slice of ${s} from ${starts[i]} of axis ${i} with ${x.shape[i]}`);
    });
    return emit(graph, { op: 'Slice', inputs: [x.ref, graph.integers(starts), graph.integers(shape)], attrs: { T: typeOf(x), Index: int32 }, output: 'output', shape, dtype: x.dtype });
  }),
  PadV2: withAttrs<{ paddings: readonly (readonly [number, number])[]; constantValue: number }>(({ x }, { paddings, constantValue }, graph) =>
    emit(graph, {
      op: 'PadV2',
      inputs: [x.ref, graph.constant('int32', [paddings.length, 2], paddings.flat()), graph.constant(x.dtype, [], [constantValue])],
      attrs: { T: typeOf(x), Tpaddings: int32 },
      output: 'output',
      shape: x.shape.map((size, i) => size + paddings[i][0] + paddings[i][1]),
      dtype: x.dtype,
    }),
  ),
  SplitV: withAttrs<{ numOrSizeSplits: number | Shape; axis: number }>(({ x }, { numOrSizeSplits, axis }, graph) => {
    const along = axisOf(axis, x.shape.length);
    const whole = x.shape[along];
    const given = typeof numOrSizeSplits === 'number' ? new Array<number>(numOrSizeSplits).fill(whole / numOrSizeSplits) : numOrSizeSplits;
    const rest = whole - given.reduce((sum, size) => sum + Math.max(size, 0), 0);
    const sizes = given.map((size) => (size === -1 ? rest : size));
    const attrs = { num_split: { int: sizes.length }, T: typeOf(x), Tlen: int32 };
    const refs = graph.pure('SplitV', [x.ref, graph.integers(sizes), graph.integer(along)], attrs, sizes.map((_, i) => ['output', i]));
    return sizes.map((size, i) => ({ ref: refs[i], shape: withSize(x.shape, along, size), dtype: x.dtype }));
  }),
  Concat: withAttrs<{ axis: number }>((inputs, { axis }, graph) => {
    const parts = Object.values(inputs);
    const [first] = parts;
    const along = axisOf(axis, first.shape.length);
    const shape = withSize(first.shape, along, parts.reduce((sum, part) => sum + part.shape[along], 0));
    return { ref: graph.concatenated(first.dtype, parts.map((part) => part.ref), along), shape, dtype: first.dtype };
  }),
  Pack: withAttrs<{ axis: number }>((inputs, { axis }, graph) => {
    const parts = Object.values(inputs);
    const [first] = parts;
    const along = axisOf(axis, first.shape.length + 1);
    const attrs = { N: { int: parts.length }, T: typeOf(first), axis: { int: along } };
    const shape = [...first.shape.slice(0, along), parts.length, ...first.shape.slice(along)];
    return emit(graph, { op: 'Pack', inputs: parts.map((part) => part.ref), attrs, output: 'output', shape, dtype: first.dtype });
  }),
  Unpack: withAttrs<{ axis: number }>(({ value }, { axis }, graph) => {
    const along = axisOf(axis, value.shape.length);
    const count = value.shape[along];
    const outputs = Array.from({ length: count }, (_, i) => ['output', i] as const);
    const refs = graph.pure('Unpack', [value.ref], { num: { int: count }, T: typeOf(value), axis: { int: along } }, outputs);
    return refs.map((ref) => ({ ref, shape: value.shape.filter((_, i) => i !== along), dtype: value.dtype }));
  }),

  /** x, once all inputs are there; no compiler may move anything across. What is computed from it is not found equal to what is computed from x itself. */
  OptimizationBarrier: (inputs, _, graph) => {
    const { x } = inputs;
    const all = Object.values(inputs);
    const [ref] = graph.xla
      ? graph.pure('XlaOptimizationBarrier', all.map((input) => input.ref), { T: { types: all.map((input) => input.dtype) } }, [['output', 0]])
      : graph.pure('Identity', [x.ref], { T: typeOf(x) }, [['output', 0]]);
    return { ...x, ref };
  },

  // tables and constants
  GatherV2: withAttrs<{ axis: number; batchDims?: number }>(({ x, indices }, { axis, batchDims = 0 }, graph) => {
    const along = axisOf(axis, x.shape.length);
    return emit(graph, {
      op: 'GatherV2',
      inputs: [x.ref, indices.ref, graph.integer(along)],
      attrs: { Tparams: typeOf(x), Tindices: int32, Taxis: int32, batch_dims: { int: batchDims } },
      output: 'output',
      shape: [...x.shape.slice(0, along), ...indices.shape.slice(batchDims), ...x.shape.slice(along + 1)],
      dtype: x.dtype,
    });
  }),
  UnsortedSegmentSum: withAttrs<{ numSegments: number }>(({ x, segmentIds }, { numSegments }, graph) =>
    emit(graph, {
      op: 'UnsortedSegmentSum',
      inputs: [x.ref, segmentIds.ref, graph.integer(numSegments)],
      attrs: { T: typeOf(x), Tindices: int32, Tnumsegments: int32 },
      output: 'output',
      shape: [numSegments, ...x.shape.slice(segmentIds.shape.length)],
      dtype: x.dtype,
    }),
  ),
  OneHot: withAttrs<{ depth: number; onValue: number; offValue: number; dtype?: DType }>(({ indices }, { depth, onValue, offValue, dtype = 'int32' }, graph) =>
    emit(graph, {
      op: 'OneHot',
      inputs: [indices.ref, graph.integer(depth), graph.constant(dtype, [], [onValue]), graph.constant(dtype, [], [offValue])],
      attrs: { T: { type: dtype }, TI: int32, axis: { int: -1 } },
      output: 'output',
      shape: [...indices.shape, depth],
      dtype,
    }),
  ),
  Fill: withAttrs<{ shape: Shape; value: number; dtype?: DType }>((_, { shape, value, dtype = 'float32' }, graph) => ({ ref: graph.filled(dtype, shape, value), shape, dtype })),
  ZerosLike: ({ x }, _, graph) => ({ ...x, ref: graph.filled(x.dtype, x.shape, 0) }),
  OnesLike: ({ x }, _, graph) => ({ ...x, ref: graph.filled(x.dtype, x.shape, 1) }),
};
