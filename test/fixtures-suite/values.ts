import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { CallOutputs, NamedTensors } from '../../lib/tensor/index.js';

/** A tensor that came out of a program: what a test compares. */
export interface Values {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}
export type NamedValues = Readonly<Record<string, Values>>;

/** Everything a step function gives under the path of its name, as `hypergradient/head.bias` and `iterates/2/head.bias`, for an entry to put out. */
export function flatten(tree: object): NamedTensors {
  const flat: Record<string, Tensor> = {};
  const visit = (value: unknown, path: string): void => {
    if (isTensor(value)) flat[path] = value;
    else if (typeof value === 'object' && value !== null) for (const [name, part] of Object.entries(value)) visit(part, path === '' ? name : `${path}/${name}`);
  };
  visit(tree, '');
  return flat;
}

/** a dimension list and a type is what a tensor of any backend has */
const isTensor = (value: unknown): value is Tensor => typeof value === 'object' && value !== null && 'dataId' in value;

/** shapes are known to the body of an entry only, which runs when the program is built (eagerly: when it is called) */
export class Shapes {
  readonly #shapes = new Map<string, readonly number[]>();

  note(entry: string, tensors: NamedTensors): NamedTensors {
    for (const [name, { shape }] of Object.entries(tensors)) this.#shapes.set(`${entry}|${name}`, shape);
    return tensors;
  }

  of(entry: string, outputs: CallOutputs): NamedValues {
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, { shape: this.#shapes.get(`${entry}|${name}`) ?? [], values }]));
  }
}

/** What is called `name`. */
export function one(values: NamedValues, name: string): Values {
  if (!Object.hasOwn(values, name)) throw new RangeError(`no ${name}; there are ${Object.keys(values).slice(0, 20).join(', ')}`);
  return values[name];
}

/** What lies under `prefix/`, by the rest of its name. */
export function under(values: NamedValues, prefix: string): NamedValues {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), value] as const] : [])));
}

export const numberOf = (values: NamedValues, name: string): number => one(values, name).values[0];

/** a − factor · b in float64; what b lacks is zero */
export function difference(a: NamedValues, b: NamedValues, factor = 1): NamedValues {
  return Object.fromEntries(
    Object.entries(a).map(([name, { shape, values }]) => {
      const other: ArrayLike<number> | undefined = Object.hasOwn(b, name) ? b[name].values : undefined;
      return [name, { shape, values: Float64Array.from(values, (x, i) => x - factor * (other?.[i] ?? 0)) }];
    }),
  );
}

/** over all tensors, in float64 */
export function norm(vector: NamedValues): number {
  let squares = 0;
  for (const { values } of Object.values(vector)) for (let i = 0; i < values.length; i++) squares += values[i] ** 2;
  return Math.sqrt(squares);
}

/** Σ ⟨a_k, b_k⟩ in float64 */
export function inner(a: NamedValues, b: NamedValues): number {
  let total = 0;
  for (const [name, { values }] of Object.entries(a)) {
    const other = b[name].values;
    for (let i = 0; i < values.length; i++) total += values[i] * other[i];
  }
  return total;
}
