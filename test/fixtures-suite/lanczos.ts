import type { NamedValues } from './values.js';

export interface Lanczos {
  /** a symmetric map */
  readonly product: (direction: NamedValues) => NamedValues;
  readonly start: NamedValues;
  readonly iterations: number;
}

/** Extreme eigenvalues by Lanczos' method in float64, every new vector made orthogonal to all before. */
export function extremeEigenvalues({ product, start, iterations }: Lanczos): { readonly smallest: number; readonly largest: number } {
  const apply = (x: Float64Array): Float64Array => flat(product(shaped(x, start)));
  const basis = [scaled(flat(start))];
  const diagonal: number[] = [];
  const off: number[] = [];
  for (let k = 0; k < iterations; k++) {
    const w = apply(basis[k]);
    diagonal.push(inner(basis[k], w));
    // twice is enough for float64
    for (let round = 0; round < 2; round++) for (const u of basis) subtract(w, u, inner(u, w));
    off.push(Math.sqrt(inner(w, w)));
    basis.push(scaled(w));
  }
  return { smallest: bisect(diagonal, off, 1), largest: bisect(diagonal, off, diagonal.length) };
}

/** The k-th smallest eigenvalue of a symmetric tridiagonal matrix, by Sturm's count. */
function bisect(diagonal: readonly number[], off: readonly number[], k: number): number {
  const below = (x: number): number => {
    let count = 0;
    let d = 1;
    diagonal.forEach((a, i) => {
      d = a - x - (i === 0 ? 0 : off[i - 1] ** 2 / d);
      if (d === 0) d = Number.EPSILON;
      if (d < 0) count++;
    });
    return count;
  };
  const bound = Math.max(...diagonal.map((a, i) => Math.abs(a) + (i === 0 ? 0 : off[i - 1]) + off[i]));
  let [low, high] = [-bound, bound];
  while (high - low > 1e-12 * bound) {
    const middle = (low + high) / 2;
    if (below(middle) >= k) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

function flat(vector: NamedValues): Float64Array {
  const parts = Object.values(vector).map(({ values }) => values);
  const whole = new Float64Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function shaped(whole: Float64Array, like: NamedValues): NamedValues {
  let at = 0;
  return Object.fromEntries(Object.entries(like).map(([name, { shape, values }]) => [name, { shape, values: whole.subarray(at, (at += values.length)) }]));
}

function inner(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function subtract(from: Float64Array, u: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i] -= factor * u[i];
}

function scaled(x: Float64Array): Float64Array {
  const length = Math.sqrt(inner(x, x));
  return x.map((value) => value / length);
}
