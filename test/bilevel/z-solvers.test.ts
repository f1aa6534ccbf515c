import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { zSolvers, type Solution, type SolverSettings } from '../../lib/bilevel/index.js';
import { startOfZ } from '../../lib/bilevel/z-solvers/index.js';
import { packageRoot } from '../../lib/package-root.js';
import { randomStream } from '../../lib/random.js';
import { roundToHalf } from '../../lib/round-to-half.js';
import { Program, tf, type NamedTensors, type ProgramOptions } from '../../lib/tensor/index.js';
import { relativeDifference, solveByReference, solverNames, type ReferenceSolution, type Vector } from './reference-solvers.js';
import { numbers } from './tiny.js';

/** a system of three unknowns in two tensors: a [2] and b [1] */
const positive = [
  [3, 1, 0],
  [1, 2, 0.5],
  [0, 0.5, 1],
];
const v = [1, -2, 4];
const split = (x: readonly number[]): NamedTensors => ({ a: tf.tensor1d(x.slice(0, 2)), b: tf.tensor1d(x.slice(2)) });
const join = ({ a, b }: NamedTensors): number[] => [...numbers(a), ...numbers(b)];
const times = (H: readonly (readonly number[])[], x: readonly number[]): number[] => H.map((row) => row.reduce((sum, h, j) => sum + h * x[j], 0));

interface Trial {
  readonly settings: Partial<SolverSettings> & Pick<SolverSettings, 'method'>;
  readonly start?: readonly number[];
  readonly H?: readonly (readonly number[])[];
  readonly gradient?: readonly number[];
}
function solve({ settings, start, H = positive, gradient = v }: Trial): Solution & { readonly products: number } {
  const whole: SolverSettings = { ...bilevelSchema.parse({}).solver, ...settings };
  let products = 0;
  const curvature = (direction: NamedTensors): NamedTensors => {
    products++;
    return split(times(H, join(direction)));
  };
  const solution = zSolvers[whole.method].solve({ curvature, gradient: split(gradient), start: start && split(start), settings: whole });
  return { ...solution, products };
}
const close = (actual: readonly number[], expected: readonly number[], digits = 5): void => expected.forEach((x, i) => expect(actual[i]).toBeCloseTo(x, digits));

describe('gd', () => {
  test('three loops by hand: each tensor of the residual clipped by itself', () => {
    const settings = { method: 'gd', steps: 3, learningRate: 0.1, damping: 0.5, residualClip: 1 } as const;
    let z = [0.2, -0.1, 0.3];
    const solution = solve({ settings, start: z });
    for (let k = 0; k < 3; k++) {
      const r = times(positive, z).map((h, i) => h + 0.5 * z[i] - v[i]);
      const [na, nb] = [Math.hypot(r[0], r[1]), Math.abs(r[2])];
      expect(numbers(solution.tensorResidualNorms[k]['a'])[0]).toBeCloseTo(na, 5);
      z = z.map((x, i) => x - 0.1 * (i < 2 ? r[i] / (na > 1 ? na : 1) : r[i] / (nb > 1 ? nb : 1)));
      close(join(solution.iterates[k]), z);
      if (k === 2) expect(numbers(solution.residualNorm)[0]).toBeCloseTo(Math.hypot(...r), 5);
    }
    expect(solution.products).toBe(3);
  });

  test('from zero the first product is saved and the outcome is the same', () => {
    const settings = { method: 'gd', steps: 2, learningRate: 0.1, residualClip: 10 } as const;
    const implicit = solve({ settings });
    expect(implicit.products).toBe(1);
    close(join(implicit.z), join(solve({ settings, start: [0, 0, 0] }).z), 6);
  });
});

describe('cg', () => {
  test('solves three unknowns in three iterations', () => {
    const { z, products, negativeCurvature, residualNorm } = solve({ settings: { method: 'cg', steps: 3, damping: 0.5 } });
    close(times(positive, join(z)).map((h, i) => h + 0.5 * join(z)[i]), v);
    expect(products).toBe(3);
    expect(numbers(negativeCurvature)).toEqual([0]);
    expect(numbers(residualNorm)[0]).toBeLessThan(1e-5);
  });

  test('warm at the solution it stays there, and after converging nothing moves', () => {
    const { z } = solve({ settings: { method: 'cg', steps: 3, damping: 0 } });
    const again = solve({ settings: { method: 'cg', steps: 4, damping: 0, tolerance: 1e-5 }, start: join(z) });
    expect(join(again.z)).toEqual(join(z));
    const longer = solve({ settings: { method: 'cg', steps: 30, damping: 0, tolerance: 1e-6 } });
    close(join(longer.z), join(z));
    expect(join(longer.iterates[29]).every(Number.isFinite)).toBe(true);
    expect(numbers(longer.negativeCurvature)).toEqual([0]);
  });

  test.each([[0.5, 1], [0.3, 2], [0.1, 3]])('stops where ‖r‖ is at most %f of ‖v‖, and no sooner: after %i iterations', (tolerance, iterations) => {
    // of eigenvalues this far apart ‖r‖ is 0.47, 0.14 and 0 of ‖v‖
    const H = [1, 3, 20].map((eigenvalue, i) => [0, 1, 2].map((j) => (i === j ? eigenvalue : 0)));
    const settings = { ...bilevelSchema.parse({}).solver, method: 'cg', steps: 3, damping: 0, start: 'zero', tolerance } as const;
    const vector = (x: readonly number[]): Vector => [x.slice(0, 2), x.slice(2)];
    const wanted = solveByReference({ product: (x) => vector(times(H, x.flat())), gradient: vector(v), start: vector([0, 0, 0]), settings });
    const found = solve({ settings, H });
    close(join(found.z), wanted.z.flat());
    expect(numbers(found.residualNorm)[0]).toBeCloseTo(wanted.residualNorm, 4);
    expect(wanted.iterates).toHaveLength(iterations);
  });

  test('negative curvature at the second iteration: the first iterate is kept and it is counted', () => {
    const H = [
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, -3],
    ];
    const gradient = [1, 1, 0.8];
    const alpha = (1 + 1 + 0.64) / (1 + 2 - 3 * 0.64);
    const r = gradient.map((g, i) => g - alpha * H[i][i] * g);
    const beta = r.reduce((sum, x) => sum + x * x, 0) / (1 + 1 + 0.64);
    const p = r.map((x, i) => x + beta * gradient[i]);
    expect(p.reduce((sum, x, i) => sum + H[i][i] * x * x, 0), 'the second direction is one of negative curvature').toBeLessThan(0);
    const { z, negativeCurvature, iterates } = solve({ settings: { method: 'cg', steps: 5, damping: 0 }, H, gradient });
    close(join(z), gradient.map((g) => alpha * g));
    expect(join(iterates[4])).toEqual(join(iterates[0]));
    expect(numbers(negativeCurvature)).toEqual([1]);
  });

  test('negative curvature at once leaves the start', () => {
    const H = positive.map((row) => row.map((h) => -h));
    const { z, negativeCurvature } = solve({ settings: { method: 'cg', steps: 3, damping: 0 }, H, start: [0.1, 0.2, 0.3] });
    close(join(z), [0.1, 0.2, 0.3], 7);
    expect(numbers(negativeCurvature)).toEqual([1]);
  });

  test('∇F = 0 gives z = 0, and no NaN', () => {
    expect(join(solve({ settings: { method: 'cg', steps: 3 }, gradient: [0, 0, 0] }).z)).toEqual([0, 0, 0]);
  });
});

describe('neumann', () => {
  test('η Σ_{j<terms} (I − η(H + δI))ʲ v, term by term', () => {
    const [eta, delta] = [0.2, 0.3];
    let term = v;
    let sum = [0, 0, 0];
    const { iterates, products } = solve({ settings: { method: 'neumann', steps: 4, learningRate: eta, damping: delta } });
    for (let j = 0; j < 4; j++) {
      sum = sum.map((x, i) => x + eta * term[i]);
      close(join(iterates[j]), sum);
      term = term.map((x, i) => x - eta * (times(positive, term)[i] + delta * x));
    }
    expect(products).toBe(3);
  });
});

test('identity: z = ∇F, without a product', () => {
  const { z, products } = solve({ settings: { method: 'identity' } });
  expect(join(z)).toEqual(v);
  expect(products).toBe(0);
});

test.each(solverNames)('%s computes as many products with H as it says', (method) => {
  for (const steps of [1, 2, 5]) {
    for (const start of ['zero', 'release', 'warm'] as const) {
      const settings = { method, steps, start };
      const { products } = solve({ settings, ...(start === 'zero' ? {} : { start: [0.1, 0.2, 0.3] }) });
      expect(products, JSON.stringify(settings)).toBe(zSolvers[method].products(settings));
    }
  }
});

test.each(solverNames)('docs/method.md says what %s is', (method) => {
  const text = readFileSync(path.join(packageRoot(), 'docs', 'method.md'), 'utf8');
  expect(text).toContain(`\n| \`${method}\` | `);
});

describe('where z starts', () => {
  const params = { a: tf.zeros([96]), b: tf.zeros([2, 2]) };
  const previous = { a: tf.ones([96]), b: tf.ones([2, 2]) };
  const at = (start: SolverSettings['start'], first: number): NamedTensors | undefined => startOfZ({ start, params, previous, first: tf.scalar(first) });

  test('zero, warm, and 1/numel, which the first step rounds to float16', () => {
    expect(at('zero', 0)).toBeUndefined();
    expect(at('warm', 0)).toBe(previous);
    expect(numbers(at('release', 0)?.['a'] ?? tf.scalar(0))[95]).toBe(Math.fround(1 / 96));
    expect(numbers(at('release', 1)?.['a'] ?? tf.scalar(0))[0]).toBe(0.01041412353515625);
    expect(numbers(at('release', 1)?.['b'] ?? tf.scalar(0))).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  test.each([
    [1, 1],
    [1 / 3, 0.333251953125],
    [2 ** -24, 2 ** -24],
    [1.5 * 2 ** -24, 2 ** -23], // a tie goes to even
    [0.5 * 2 ** -24, 0],
    [1 / 12_877_824, 2 ** -24], // the embedding of Pythia 14M
    [1 / 38_633_472, 0], // of Pythia 160M: below half of the smallest float16
    [1 - 2 ** -12, 1],
  ])('%d in float16 is %d', (x, rounded) => expect(roundToHalf(x)).toBe(rounded));
});

/** Seven unknowns in two tensors, a [3] and b [2, 2]; 1/3 is no float16. */
describe('every method from every start, over a positive and an indefinite system', () => {
  const sizes = [3, 4];
  const random = randomStream('systems');
  const factor = Array.from({ length: 7 }, () => Array.from({ length: 7 }, () => Math.fround(random.normal() / Math.sqrt(7))));
  const product = (A: number[][], B: number[][]): number[][] => A.map((row) => B[0].map((_, j) => row.reduce((sum, x, k) => sum + x * B[k][j], 0)));
  const transposed = factor.map((_, i) => factor.map((row) => row[i]));
  const systems = {
    positive: product(factor, transposed).map((row) => row.map(Math.fround)),
    indefinite: factor.map((row, i) => row.map((x, j) => Math.fround(x + transposed[i][j]))),
  };
  const [previous, gradient] = [1, 2].map(() => Array.from({ length: 7 }, () => Math.fround(random.normal())));
  const parts = (x: ArrayLike<number>): Vector => [Array.from(x).slice(0, sizes[0]), Array.from(x).slice(sizes[0])];
  const apply = (H: number[][]) => (x: Vector): Vector => parts(H.map((row) => row.reduce((sum, h, j) => sum + h * x.flat()[j], 0)));

  // the first step matters to the release's start alone, and no start to `identity`
  const begun = [['zero', 1], ['warm', 0], ['release', 1], ['release', 0]] as const;
  const trials = solverNames.flatMap((method) =>
    begun.slice(method === 'identity' ? 3 : 0).flatMap(([start, first]) =>
      (['positive', 'indefinite'] as const).map((system) => {
        const settings: SolverSettings = { ...bilevelSchema.parse({}).solver, method, start, steps: 3, learningRate: 0.2, damping: 0.1, residualClip: 0.7 };
        return { name: `${method}, ${start} start, ${system}${first === 1 ? ', first step' : ''}`, settings, H: systems[system], first };
      }),
    ),
  );
  type Choice = (typeof trials)[number];

  const reference = ({ settings, H, first }: Choice): ReferenceSolution => {
    const inverse = (size: number): number => (first === 1 ? roundToHalf(1 / size) : 1 / size);
    const start = { zero: sizes.map((size) => new Array<number>(size).fill(0)), release: sizes.map((size) => new Array<number>(size).fill(inverse(size))), warm: parts(previous) }[settings.start];
    return solveByReference({ product: apply(H), gradient: parts(gradient), start, settings });
  };

  const run = async (mode: ProgramOptions['mode']): Promise<Readonly<Record<string, ArrayLike<number>>>> => {
    const program = new Program('solvers', { mode });
    const specs = { a: { shape: [3], dtype: 'float32' }, b: { shape: [2, 2], dtype: 'float32' } } as const;
    const named = ({ a, b }: NamedTensors): NamedTensors => ({ a, b });
    const inputs = { first: { shape: [], dtype: 'float32' }, 'z/a': specs.a, 'z/b': specs.b, 'v/a': specs.a, 'v/b': specs.b } as const;
    for (const first of [1, 0]) {
      program.entry(`first${first}`, inputs, (given) => {
        const outputs: Record<string, Tensor> = {};
        const upper = named({ a: given['v/a'], b: given['v/b'] });
        const before = named({ a: given['z/a'], b: given['z/b'] });
        for (const { name, settings, H } of trials.filter((trial) => trial.first === first)) {
          const curvature = ({ a, b }: NamedTensors): NamedTensors => {
            const whole = tf.matMul(tf.tensor2d(H), tf.reshape(tf.concat([a, tf.reshape(b, [4])]), [7, 1]));
            return { a: tf.reshape(tf.slice(whole, [0, 0], [3, 1]), [3]), b: tf.reshape(tf.slice(whole, [3, 0], [4, 1]), [2, 2]) };
          };
          const start = startOfZ({ start: settings.start, params: upper, previous: before, first: given['first'] });
          const solution = zSolvers[settings.method].solve({ curvature, gradient: upper, start, settings });
          const put = (what: string, { a, b }: NamedTensors): void => {
            outputs[`${name}/${what}`] = tf.concat([a, tf.reshape(b, [4])]);
          };
          solution.iterates.forEach((z, i) => put(`iterate ${i}`, z));
          put('z', solution.z);
          outputs[`${name}/residual`] = solution.residualNorm;
          outputs[`${name}/negative`] = solution.negativeCurvature;
        }
        return outputs;
      });
    }
    await program.build();
    const [z, w] = [parts(previous), parts(gradient)].map((vector) => vector.map((part) => Float32Array.from(part)));
    const outputs = [1, 0].map((first) => program.call(`first${first}`, { first, 'z/a': z[0], 'z/b': z[1], 'v/a': w[0], 'v/b': w[1] }));
    program.dispose();
    return Object.assign({}, ...outputs) as Record<string, ArrayLike<number>>;
  };

  test.each(['eager', 'graph', 'xla'] as const)('%s equals the definitions in float64', async (mode) => {
    const outputs = await run(mode);
    for (const trial of trials) {
      const { name } = trial;
      const expected = reference(trial);
      expected.iterates.forEach((z, i) => expect(relativeDifference(parts(outputs[`${name}/iterate ${i}`]), z), `${name}, iterate ${i}`).toBeLessThan(1e-5));
      expect(relativeDifference(parts(outputs[`${name}/z`]), expected.z), name).toBeLessThan(1e-5);
      expect(outputs[`${name}/negative`][0], name).toBe(expected.negativeCurvature);
      expect(Math.abs(outputs[`${name}/residual`][0] - expected.residualNorm), name).toBeLessThan(1e-5 * (1 + expected.residualNorm));
    }
    // the systems are such that each of the cases occurs
    const stopped = trials.filter((trial) => reference(trial).negativeCurvature === 1);
    expect(new Set(stopped.map(({ settings }) => settings.start)).size).toBe(3);
  });
});
