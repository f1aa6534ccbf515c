import type { Shape } from './types.js';

/** number of elements; 1 of a scalar */
export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** NumPy's rule: aligned at the right, sizes equal or 1. */
export function broadcastShape(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`${showShape(a)} and ${showShape(b)} do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** −1 is the last axis */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!(positive >= 0 && positive < rank)) throw new RangeError(`axis ${axis} of a tensor of rank ${rank}`);
  return positive;
}

export const withSize = (shape: Shape, axis: number, size: number): Shape => shape.map((s, i) => (i === axis ? size : s));

/** one size may be −1: what is left */
export function resolveReshape(from: Shape, to: Shape): Shape {
  const unknown = to.indexOf(-1);
  const known = sizeOf(to.filter((_, i) => i !== unknown));
  const shape = unknown < 0 ? to : withSize(to, unknown, sizeOf(from) / known);
  if (sizeOf(shape) !== sizeOf(from)) throw new RangeError(`${showShape(from)} does not reshape to ${showShape(to)}`);
  return shape;
}

export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return shape.flatMap((size, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [size]));
}
