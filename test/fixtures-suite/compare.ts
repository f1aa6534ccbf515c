import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { expect } from 'vitest';
import type { NamedTensors } from '../../lib/tensor/index.js';
import type { HyperRecord, Records, TensorRecord } from './recording.js';

/** the largest error of each kind seen so far, as a multiple of what it is relative to */
const worst = new Map<string, { error: number; where: string }>();

function note(kind: string, where: string, error: number): number {
  const before = worst.get(kind);
  if (before === undefined || !(error <= before.error)) worst.set(kind, { error, where });
  return error;
}

/** With BLISS_FIXTURES_REPORT set: the worst error of each kind. */
export function report(title: string): void {
  if (process.env['BLISS_FIXTURES_REPORT'] === undefined) return;
  const lines = [...worst].map(([kind, { error, where }]) => `  ${kind.padEnd(28)} ${error.toExponential(1)}  ${where}`);
  console.info([title, ...lines].join('\n'));
  worst.clear();
}

/** @param scale what the error is relative to; the expected value by default */
export function expectScalar(kind: string, actual: Tensor | number, expected: number, tolerance: number, scale = Math.abs(expected)): void {
  const value = typeof actual === 'number' ? actual : actual.dataSync()[0];
  const error = note(kind, '', Math.abs(value - expected) / Math.max(scale, Number.MIN_VALUE));
  expect(error, `${kind}: ${value} for ${expected}`).toBeLessThan(tolerance);
}

/** relative to the largest expected element */
export function expectVector(kind: string, actual: Tensor | readonly number[], expected: readonly number[], tolerance: number): void {
  const values = isTensor(actual) ? actual.dataSync() : actual;
  expect(values.length, kind).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
  const error = note(kind, '', Math.max(...expected.map((e, i) => Math.abs(values[i] - e))) / scale);
  expect(error, `${kind}: ${Array.from(values).join(' ')} for ${expected.join(' ')}`).toBeLessThan(tolerance);
}

export interface RecordTolerance {
  /** of the norm, relative to the recorded one, and of single values, relative to themselves and the root mean square */
  readonly relative: number;
  /** absolute error of a single value that float32 excuses */
  readonly absolute?: number;
}

/** Every recorded tensor against ours: shape, norm, sum and first values. */
export function expectRecords(kind: string, actual: NamedTensors, expected: Records, tolerance: RecordTolerance): void {
  expect(Object.keys(actual).sort(), kind).toEqual(Object.keys(expected).sort());
  for (const [name, record] of Object.entries(expected)) expectRecord(kind, name, actual[name], record, tolerance);
}

function expectRecord(kind: string, name: string, actual: Tensor, record: TensorRecord, { relative, absolute = 0 }: RecordTolerance): void {
  const where = `${kind} ${name}`;
  expect(actual.shape, where).toEqual(record.shape);
  const values = Float64Array.from(actual.dataSync());
  const norm = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const sum = values.reduce((total, x) => total + x, 0);
  const root = Math.sqrt(values.length);
  // a norm can be off by √numel single errors, a sum by numel of them
  check(`${kind} norm`, where, norm, record.norm, record.norm, absolute * root, relative);
  check(`${kind} sum`, where, sum, record.sum, record.norm * root, absolute * values.length, relative);
  const rms = record.norm / root;
  (record.values ?? record.first).forEach((expected, i) => {
    check(`${kind} values`, `${where}[${i}]`, values[i], expected, Math.abs(expected) + rms, absolute, relative);
  });
}

function check(kind: string, where: string, actual: number, expected: number, scale: number, excused: number, relative: number): void {
  const difference = Math.abs(actual - expected);
  const error = note(kind, where, Math.max(0, difference - excused) / Math.max(scale, Number.MIN_VALUE));
  if (excused > 0) note(`${kind} absolute`, where, difference);
  if (!(error < relative)) expect.fail(`${where}: ${actual} for ${expected}, ${error.toExponential(1)} relative to ${scale}`);
}

const isTensor = (x: Tensor | readonly number[]): x is Tensor => !Array.isArray(x);

/**
 * Of c_i = −P_i(a_i − ā) and of ∇Φ = Σ c_i ∇s_i. Where the a_i are alike, a_i − ā loses digits; as Σ c_i = 0, a tensor on which all
 * ∇s_i agree (biases near the head) is a difference of nearly equal terms: float32 leaves 5e-7 of the largest tensor's norm in it.
 */
export function ofHypergradient({ a, coefficients, hypergradient }: Pick<HyperRecord, 'a' | 'coefficients' | 'hypergradient'>): { readonly coefficients: number; readonly tensors: RecordTolerance } {
  const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
  const lost = Math.max(1, largest(a) / a.length / Math.max(largest(coefficients), Number.MIN_VALUE));
  return { coefficients: 5e-5 * lost, tensors: { relative: 1e-4 * lost, absolute: 1e-6 * lost * largest(Object.values(hypergradient).map((r) => r.norm)) } };
}
