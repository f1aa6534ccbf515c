import type { FunctionGraph, Traced } from './function-graph.js';
import type { Attrs, AttrValue } from './protobuf.js';
import { axisOf, broadcastShape, reducedShape } from './shapes.js';
import type { DType, Shape } from './types.js';

/** inputs of a kernel by tfjs' name for them */
export type KernelInputs = Readonly<Record<string, Traced>>;

/** What a kernel does under trace: it computes nothing, infers shapes and dtypes, and adds nodes. @throws RangeError where shapes do not fit */
export type Kernel = (inputs: KernelInputs, attrs: Readonly<Record<string, unknown>>, graph: FunctionGraph) => Traced | readonly Traced[];

/** A kernel with attributes. `A` is what tfjs-core's own op passes under that kernel name. */
export function withAttrs<A>(rule: (inputs: KernelInputs, attrs: A, graph: FunctionGraph) => Traced | readonly Traced[]): Kernel {
  return (inputs, attrs, graph) => rule(inputs, attrs as A, graph);
}

export interface Emission {
  readonly op: string;
  readonly inputs: readonly string[];
  /** TensorFlow writes no defaults for types: every type attribute is named */
  readonly attrs: Attrs;
  /** the op's output argument, as TensorFlow names it */
  readonly output: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Adds a node with one output. */
export function emit(graph: FunctionGraph, { op, inputs, attrs, output, shape, dtype }: Emission): Traced {
  const [ref] = graph.pure(op, inputs, attrs, [[output, 0]]);
  return { ref, shape, dtype };
}

export const int32 = { type: 'int32' } as const;
export const typeOf = (x: Traced): { readonly type: DType } => ({ type: x.dtype });

/** shape of the input; dtype of the input, or bool for a predicate */
export function unary(op: string, { input = 'x', output = 'y', dtype, typed = true }: { input?: string; output?: string; dtype?: DType; typed?: boolean } = {}): Kernel {
  return ({ [input]: x }, _, graph) =>
    emit(graph, { op, inputs: [x.ref], attrs: typed ? { T: typeOf(x) } : {}, output, shape: x.shape, dtype: dtype ?? x.dtype });
}

/** the broadcast shape; dtype of the operands, or bool for a predicate */
export function binary(op: string, { dtype, typed = true }: { dtype?: DType; typed?: boolean } = {}): Kernel {
  return ({ a, b }, _, graph) =>
    emit(graph, {
      op,
      inputs: [a.ref, b.ref],
      attrs: typed ? { T: typeOf(a) } : {},
      output: 'z',
      shape: broadcastShape(a.shape, b.shape),
      dtype: dtype ?? a.dtype,
    });
}

/** a + b. For TensorFlow's own kernels as a − (−b), the same bits: it would fuse product, scale and mask of an attention into a kernel six times slower. */
export function add(a: Traced, b: Traced, graph: FunctionGraph): Traced {
  const sum = (op: string, addend: string): Traced => emit(graph, { op, inputs: [a.ref, addend], attrs: { T: typeOf(a) }, output: 'z', shape: broadcastShape(a.shape, b.shape), dtype: a.dtype });
  if (graph.xla) return sum('AddV2', b.ref);
  return sum('Sub', emit(graph, { op: 'Neg', inputs: [b.ref], attrs: { T: typeOf(b) }, output: 'y', shape: b.shape, dtype: b.dtype }).ref);
}

/** tfjs names the axes `axis` or `reductionIndices`: one, several, or none for all */
interface ReductionAttrs {
  readonly axis?: number | readonly number[] | null;
  readonly reductionIndices?: number | readonly number[] | null;
  readonly keepDims?: boolean;
}

/** the input's shape without the reduced axes, or with 1 in their place */
export function reduction(op: string): Kernel {
  return withAttrs<ReductionAttrs>(({ x }, { axis, reductionIndices, keepDims = false }, graph) => {
    const given = axis ?? reductionIndices ?? x.shape.map((_, i) => i);
    const axes = (typeof given === 'number' ? [given] : given).map((a) => axisOf(a, x.shape.length));
    if (axes.length === 0) return x;
    return emit(graph, {
      op,
      inputs: [x.ref, graph.integers(axes)],
      attrs: { T: typeOf(x), Tidx: int32, keep_dims: { bool: keepDims } },
      output: 'output',
      shape: reducedShape(x.shape, axes, keepDims),
      dtype: x.dtype,
    });
  });
}

export function reshape(x: Traced, shape: Shape, graph: FunctionGraph): Traced {
  return emit(graph, { op: 'Reshape', inputs: [x.ref, graph.integers(shape)], attrs: { T: typeOf(x), Tshape: int32 }, output: 'output', shape, dtype: x.dtype });
}

export interface ProductOperands {
  readonly a: Traced;
  readonly b: Traced;
  /** of the product */
  readonly shape: Shape;
}

export type ProductNode = Pick<Emission, 'op' | 'attrs' | 'output'>;

/** A matrix product, in the type that the entry asks for: under `bfloat16` both operands are rounded and the product is widened again. */
export function product(graph: FunctionGraph, { a, b, shape }: ProductOperands, node: (T: AttrValue) => ProductNode): Traced {
  const float32 = typeOf(a);
  if (graph.products === 'float32' || a.dtype !== 'float32') return emit(graph, { ...node(float32), inputs: [a.ref, b.ref], shape, dtype: a.dtype });
  const narrow = { type: 'bfloat16' } as const;
  const cast = (ref: string, from: AttrValue, to: AttrValue): string => {
    const [value] = graph.pure('Cast', [ref], { SrcT: from, DstT: to }, [['y', 0]]);
    return value;
  };
  const { op, attrs, output } = node(narrow);
  const [rounded] = graph.pure(op, [cast(a.ref, float32, narrow), cast(b.ref, float32, narrow)], attrs, [[output, 0]]);
  return { ref: cast(rounded, narrow, float32), shape, dtype: 'float32' };
}
