import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';

export interface RotaryTable {
  /** both [1, 1, r, T] */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/**
 * Angles t / base^(2i/r) for i < r/2, twice over, so that the two halves of the rotated dimensions turn together.
 * @param length T, positions @param dimensions r, even
 */
export function rotaryTable({ length, dimensions, base }: { length: number; dimensions: number; base: number }): RotaryTable {
  const half = dimensions / 2;
  const cos = new Float32Array(length * dimensions);
  const sin = new Float32Array(length * dimensions);
  for (let t = 0; t < length; t++) {
    for (let i = 0; i < dimensions; i++) {
      const angle = t / base ** ((2 * (i % half)) / dimensions);
      cos[i * length + t] = Math.cos(angle);
      sin[i * length + t] = Math.sin(angle);
    }
  }
  const shape: [number, number, number, number] = [1, 1, dimensions, length];
  return { cos: tf.tensor4d(cos, shape), sin: tf.tensor4d(sin, shape) };
}

/**
 * Rotates the first r of a head's h dimensions: x·cos + (−x₂, x₁)·sin; the others pass.
 * @param x [heads, n, h, T] @returns the same shape
 */
export function rotate(x: Tensor, { cos, sin }: RotaryTable): Tensor {
  const [dimensions, headWidth]: number[] = [...cos.shape.slice(-2, -1), ...x.shape.slice(-2, -1)];
  const rest = headWidth - dimensions;
  const half = dimensions / 2;
  const [first, second, ...unrotated] = tf.split(x, rest > 0 ? [half, half, rest] : [half, half], 2);
  const turned = tf.add(tf.mul(tf.concat([first, second], 2), cos), tf.mul(tf.concat([tf.neg(second), first], 2), sin));
  return tf.concat([turned, ...unrotated], 2);
}
