import { expect } from 'vitest';
import type { HyperRecord, Records, TensorRecord } from './recording.js';
import type { NamedValues, Values } from './values.js';

/** the largest error of each kind seen so far, as a share of what is allowed */
const worst = new Map<string, { share: number; where: string }>();

/** With BLISS_FIXTURES_REPORT set: how much of its tolerance the worst of each kind takes. */
export function report(title: string): void {
  if (process.env['BLISS_FIXTURES_REPORT'] !== undefined) {
    const lines = [...worst].map(([kind, { share, where }]) => `  ${kind.padEnd(28)} ${share.toFixed(3)}  ${where}`);
    console.info([title, ...lines].join('\n'));
  }
  worst.clear();
}

interface Check {
  readonly kind: string;
  readonly where?: string;
  readonly actual: number;
  readonly expected: number;
  /** absolute */
  readonly allowed: number;
}

function check({ kind, where = '', actual, expected, allowed }: Check): void {
  const error = Math.abs(actual - expected);
  const share = error === 0 ? 0 : error / allowed;
  const before = worst.get(kind);
  if (before === undefined || !(share <= before.share)) worst.set(kind, { share, where });
  if (!(share <= 1)) expect.fail(`${kind} ${where}: ${actual} for ${expected}, off by ${error.toExponential(1)} where ${allowed.toExponential(1)} is allowed`);
}

/** @param scale what the tolerance is relative to; the expected value by default */
export function expectScalar(kind: string, actual: number, expected: number, tolerance: number, scale = Math.abs(expected)): void {
  check({ kind, actual, expected, allowed: tolerance * scale });
}

/** relative to the largest expected element */
export function expectVector(kind: string, { values }: Pick<Values, 'values'>, expected: readonly number[], tolerance: number): void {
  expect(values.length, kind).toBe(expected.length);
  const allowed = tolerance * Math.max(...expected.map(Math.abs));
  expected.forEach((e, i) => check({ kind, where: `[${i}]`, actual: values[i], expected: e, allowed }));
}

export interface RecordTolerance {
  /** of the norm, of the sum against norm·√numel, of an element against itself and the root mean square */
  readonly relative: number;
  /** the same of the largest tensor of the group: what a tensor that is a difference of nearly equal terms keeps of them */
  readonly ofLargest?: number;
}

/** Every recorded tensor against ours: names, shape, norm, sum and first values. */
export function expectRecords(kind: string, actual: NamedValues, expected: Records, { relative, ofLargest = 0 }: RecordTolerance): void {
  expect(Object.keys(actual).sort(), kind).toEqual(Object.keys(expected).sort());
  const floor = ofLargest * largestNorm(expected);
  for (const [where, record] of Object.entries(expected)) {
    const { norm, sum, root, values } = reduced(kind, where, actual[where], record);
    const allowed = relative * record.norm + floor;
    check({ kind: `${kind} norm`, where, actual: norm, expected: record.norm, allowed });
    check({ kind: `${kind} sum`, where, actual: sum, expected: record.sum, allowed: allowed * root });
    // an error of the whole tensor is larger where the tensor is
    const share = (e: number): number => (record.norm === 0 ? 0 : Math.abs(e) / record.norm) + 1 / root;
    recordedValues(record).forEach((e, i) => check({ kind: `${kind} values`, where: `${where}[${i}]`, actual: values[i], expected: e, allowed: allowed * share(e) }));
  }
}

/** norm and sum in float64 of the float32 elements, as the record's are of its own */
function reduced(kind: string, where: string, { shape, values }: Values, record: TensorRecord): { readonly norm: number; readonly sum: number; readonly root: number; readonly values: Float64Array } {
  expect(shape, `${kind} ${where}`).toEqual(record.shape);
  const double = Float64Array.from(values);
  return { norm: Math.sqrt(double.reduce((total, x) => total + x * x, 0)), sum: double.reduce((total, x) => total + x, 0), root: Math.sqrt(double.length), values: double };
}

const recordedValues = (record: TensorRecord): readonly number[] => record.values ?? record.first;
const largestNorm = (records: Records): number => Math.max(...Object.values(records).map(({ norm }) => norm));
const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));

/** A gradient that AdamW has taken a step along: as it was recorded, clipped, with what is allowed of it. */
export interface Taken {
  readonly gradient: Records;
  /** the clip's factor, where the records are of before it */
  readonly factor: number;
  readonly tolerance: RecordTolerance;
  readonly learningRate: number;
}

export interface WeightsTolerance {
  readonly taken: readonly Taken[];
  /** AdamW's ε */
  readonly epsilon: number;
  /** 2 where the reference has float32's errors too */
  readonly slack: number;
}

/**
 * Weights after AdamW's steps: single values to 2e-7, two roundings where they are above 1. Where a gradient is near Adam's ε, its own error
 * δ moves the step by lr·ε·δ/(|g| + ε)², at most lr; a gradient that is zero in theory (the key's part of the QKV bias) is in norm and sum too.
 */
export function expectWeights(kind: string, actual: NamedValues, expected: Records, { taken, epsilon, slack }: WeightsTolerance): void {
  expect(Object.keys(actual).sort(), kind).toEqual(Object.keys(expected).sort());
  const digit = slack * Math.max(2e-7, 1e-7 * taken.length);
  const moved = taken.reduce((sum, { learningRate }) => sum + learningRate, 0);
  for (const [where, record] of Object.entries(expected)) {
    const { norm, sum, root, values } = reduced(kind, where, actual[where], record);
    // a thousandth of the steps an element: a missing decay or a wrong moment in one tensor makes a hundred times that in its values
    const element = slack * 1e-3 * moved;
    check({ kind: `${kind} norm`, where, actual: norm, expected: record.norm, allowed: digit * record.norm + element * root });
    check({ kind: `${kind} sum`, where, actual: sum, expected: record.sum, allowed: (digit * record.norm + element * root) * root });
    recordedValues(record).forEach((e, i) => {
      const noise = taken.reduce((total, step) => total + stepNoise(step, where, i, epsilon), 0);
      check({ kind: `${kind} values`, where: `${where}[${i}]`, actual: values[i], expected: e, allowed: digit * Math.max(1, 1.25 * Math.abs(e)) + noise });
    });
  }
}

function stepNoise({ gradient, factor, tolerance: { relative, ofLargest = 0 }, learningRate }: Taken, where: string, i: number, epsilon: number): number {
  const record = gradient[where];
  const root = Math.sqrt(record.shape.reduce((product, size) => product * size, 1));
  const error = (factor * (relative * record.norm + ofLargest * largestNorm(gradient))) / root;
  const size = Math.max(0, factor * Math.abs(recordedValues(record)[i]) - error);
  return learningRate * Math.min(1, (epsilon * error) / (size + epsilon) ** 2);
}

/**
 * Of a_i: 1e-6 of the largest, where ‖∇G‖·‖z‖ is up to 30 times that, as in the first fixtures; beyond, more digits cancel in ⟨∇L_i, z⟩.
 */
export function ofAlignment({ a, gradient, zNorm }: { readonly a: readonly number[]; readonly gradient: Records; readonly zNorm: number }): number {
  const norm = Math.sqrt(Object.values(gradient).reduce((sum, record) => sum + record.norm ** 2, 0));
  return 1e-6 * Math.max(1, (norm * zNorm) / largest(a) / 30);
}

/**
 * Of c_i = −P_i(a_i − ā) and of ∇Φ = Σ c_i ∇s_i. Where the a_i are alike, a_i − ā loses digits; as Σ c_i = 0, a tensor on which all
 * ∇s_i agree (biases near the head) is a difference of nearly equal terms: float32 leaves about 1e-7 of the largest tensor in it.
 */
export function ofHypergradient({ a, coefficients }: Pick<HyperRecord, 'a' | 'coefficients'>): { readonly coefficients: number; readonly tensors: RecordTolerance } {
  const lost = Math.max(1, largest(a) / a.length / largest(coefficients));
  return { coefficients: 1e-6 * lost, tensors: { relative: 5e-6 * lost, ofLargest: 1.5e-7 * lost } };
}

/** A tolerance times a factor. */
export const scaled = ({ relative, ofLargest = 0 }: RecordTolerance, factor: number): RecordTolerance => ({ relative: relative * factor, ofLargest: ofLargest * factor });
