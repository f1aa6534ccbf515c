import { createHash } from 'node:crypto';
import type { Attrs, NodeDef } from './protobuf.js';
import { sizeOf } from './shapes.js';
import type { DType, ProductType, Shape } from './types.js';

/** A value within a function under trace: where it comes from, and what is known without computing it. */
export interface Traced {
  /** `node:outputArg:index`, or the name of an argument */
  readonly ref: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** an output argument of an op and the index within it */
export type OutputArg = readonly [name: string, index: number];

/** constants up to this size are written as they are even where uniform: a Fill costs two nodes */
const smallConstant = 8;

/**
 * The body of one function under trace: a growing list of TensorFlow nodes. Names follow from the order of the trace alone, so that
 * equal code gives an equal graph. Nodes added by `pure` are found again by what they compute: recomputation is free.
 */
export class FunctionGraph {
  readonly nodes: NodeDef[] = [];
  readonly #memo = new Map<string, readonly string[]>();
  /** what was concatenated, by the result */
  readonly #concatenations = new Map<string, { readonly axis: number; readonly parts: readonly string[] }>();

  /** ops that only the XLA compiler knows may be used */
  readonly xla: boolean;
  /** what matrix products are computed in */
  readonly products: ProductType;

  constructor(
    readonly name: string,
    { xla = false, products = 'float32' }: { readonly xla?: boolean; readonly products?: ProductType } = {},
  ) {
    this.xla = xla;
    this.products = products;
  }

  /** Adds a node whose outputs depend on its inputs alone, or finds the one that computes the same. @returns its tensors */
  pure(op: string, inputs: readonly string[], attrs: Attrs, outputs: readonly OutputArg[]): readonly string[] {
    return this.#remember(`${op}|${inputs.join(',')}|${JSON.stringify(attrs)}`, () => {
      const name = `${op}_${this.nodes.length}`;
      this.nodes.push({ name, op, inputs, attrs });
      return outputs.map(([output, index]) => `${name}:${output}:${index}`);
    });
  }

  /** Adds a node that reads or writes state, under a name of its own. */
  stateful(node: NodeDef): void {
    this.nodes.push(node);
  }

  /**
   * Parts one after the other along an axis. A part that is itself such a concatenation is taken apart: the gradient of splitting a
   * tensor and its parts again would else be copied twice, a twentieth of a small model's training step.
   */
  concatenated(dtype: DType, refs: readonly string[], axis: number): string {
    const parts = refs.flatMap((ref) => {
      const inner = this.#concatenations.get(ref);
      return inner?.axis === axis ? inner.parts : [ref];
    });
    const attrs = { N: { int: parts.length }, T: { type: dtype }, Tidx: { type: 'int32' } } as const;
    const [result] = this.pure('ConcatV2', [...parts, this.integer(axis)], attrs, [['output', 0]]);
    this.#concatenations.set(result, { axis, parts });
    return result;
  }

  constant(dtype: DType, shape: Shape, values: ArrayLike<number>): string {
    const array = dtype === 'float32' ? Float32Array.from(values) : dtype === 'bool' ? Uint8Array.from(values) : Int32Array.from(values);
    if (array.length > smallConstant && array.every((value) => Object.is(value, array[0]))) return this.filled(dtype, shape, array[0]);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const digest = createHash('sha256').update(bytes).digest('base64');
    const [ref] = this.#remember(`Const|${dtype}|${shape.join(',')}|${digest}`, () => {
      const name = `Const_${this.nodes.length}`;
      this.nodes.push({ name, op: 'Const', inputs: [], attrs: { dtype: { type: dtype }, value: { tensor: { dtype, shape, bytes } } } });
      return [`${name}:output:0`];
    });
    return ref;
  }

  /** one value in every place; takes no memory however large */
  filled(dtype: DType, shape: Shape, value: number): string {
    if (sizeOf(shape) <= smallConstant) return this.constant(dtype, shape, new Array<number>(sizeOf(shape)).fill(value));
    const attrs: Attrs = { T: { type: dtype }, index_type: { type: 'int32' } };
    const [ref] = this.pure('Fill', [this.integers(shape), this.constant(dtype, [], [value])], attrs, [['output', 0]]);
    return ref;
  }

  /** an int32 vector: axes, sizes */
  integers(values: Shape): string {
    return this.constant('int32', [values.length], values);
  }

  integer(value: number): string {
    return this.constant('int32', [], [value]);
  }

  #remember(key: string, add: () => readonly string[]): readonly string[] {
    const known = this.#memo.get(key);
    if (known) return known;
    const refs = add();
    this.#memo.set(key, refs);
    return refs;
  }
}
