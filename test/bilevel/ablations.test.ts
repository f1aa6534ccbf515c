import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { bilevelSchema, type BilevelConfig } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram } from '../../lib/programs/index.js';
import { randomIds, tinyLlama, unsettle } from '../models/tiny.js';
import { normOf, stepsByDefinition, type Definition, type OuterByDefinition } from './reference-step.js';

/**
 * Two outer steps as the release takes them, and with one thing at a time set otherwise: what the program of a bilevel section comes to
 * against the method's definitions in float64. That a run's configuration reaches the program so is in test/fixtures-suite/departures.test.ts.
 * @see method §6
 */
const [V, n, m, T] = [6, 2, 2, 4];
const config = { ...tinyLlama, width: 8, heads: 2, keyValueHeads: 1, intermediate: 6 };
const learningRate = 0.01;
// ε so large that the rounding of a tiny gradient moves nothing
const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 };

type Section = z.input<typeof bilevelSchema>;
/** a section as the release has it, with weights of its terms so large that each shows */
const sectionOf = ({ solver, ...changes }: Section): BilevelConfig =>
  bilevelSchema.parse({
    batchSize: n,
    validationBatchSize: m,
    klWeight: 0.3,
    l2Weight: 0.01,
    causalProxy: false,
    normaliser: 'stale',
    proxy: { adam, gradientClip: 0.7 },
    score: { adam },
    ...changes,
    solver: { method: 'gd', steps: 2, learningRate: 0.3, damping: 0.1, residualClip: 0.2, start: 'release', ...solver },
  });

const models = { proxy: createModel(config), target: createModel({ ...config, tieEmbeddings: false }) };
const start = {
  proxy: unsettle(models.proxy.init({ vocabularySize: V, seed: 'p' }), 1),
  target: unsettle(models.target.init({ vocabularySize: V, seed: 'r' }), 2),
  score: unsettle(createScoreModel(models.proxy).init({ vocabularySize: V, seed: 's' }), 3),
};
const rowsOf = (rows: number, seed: number): number[][] => randomIds({ rows, length: T, seed }).map((row) => row.map((id) => id % V));
// the longest validation row ends before T: what pads it must not be seen
const mask = [[0, 0, 1, 0], [0, 1, 1, 0]];
const stepsOf = ({ innerSteps }: BilevelConfig): Definition['steps'] =>
  [0, 1].map((t) => ({ inner: Array.from({ length: innerSteps }, (_, k) => rowsOf(n, 100 * t + k)), outer: rowsOf(n, 100 * t + 50), validation: rowsOf(m, 100 * t + 60), mask }));
const byDefinition = (section: BilevelConfig): readonly OuterByDefinition[] => stepsByDefinition({ section, proxy: config, target: { ...config, tieEmbeddings: false }, start, steps: stepsOf(section), learningRate });

/** relative to the largest element */
function offBy(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / Math.max(...Array.from(wanted, Math.abs));
}

async function expectByDefinition(section: BilevelConfig, expected: readonly OuterByDefinition[]): Promise<void> {
  const program = await createBilevelProgram({ proxy: config, target: { ...config, tieEmbeddings: false }, vocabularySize: V, sequenceLength: T, bilevel: bilevelProgramSettings(section), mode: 'eager' });
  const state: Record<string, Float32Array | Int32Array> = { ...program.getState() };
  for (const [group, arrays] of Object.entries(start)) for (const [name, array] of Object.entries(arrays)) state[`${group}/${name}`] = array;
  program.setState(state);
  const close = (what: string, found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void => expect(offBy(found, wanted), what).toBeLessThan(tolerance);
  // of logits what is beyond a constant, which changes no weight: AdamW makes steps of the rounding of the bias' gradient, 0 in theory
  const isLogits = section.weights === 'logits';
  const beyond = (scores: ArrayLike<number>): number[] => Array.from(scores, (score) => score - (isLogits ? scores[0] : 0));
  let updates = 0;
  stepsOf(section).forEach(({ inner, outer, validation }, t) => {
    const wanted = expected[t];
    inner.forEach((rows, k) => {
      const { scores, weighted, kl, G, gradientNorm } = wanted.inner[k];
      const given = program.innerStep({ ids: Int32Array.from(rows.flat()), learningRate, update: ++updates, first: t === 0 });
      close(`inner scores ${t}.${k}`, beyond(given.scores), beyond(scores), isLogits ? 1e-5 : 2e-6);
      close(`losses ${t}.${k}`, [given.lowerLoss, given.weightedCrossEntropy, given.kl, given.gradientNorm], [G, weighted, kl, gradientNorm], 5e-6);
    });
    const given = program.outerStep({ validationIds: Int32Array.from(validation.flat()), validationMask: Float32Array.from(mask.flat()), ids: Int32Array.from(outer.flat()), learningRate, update: t + 1, proxyUpdates: updates, first: t === 0 });
    const after = program.getState();
    for (const [name, values] of Object.entries(wanted.proxy)) close(`proxy ${t} ${name}`, after[`proxy/${name}`], values, 1e-5);
    close(`F ${t}`, [given.upperLoss], [wanted.upperLoss], 5e-6);
    close(`scores ${t}`, beyond(given.scores), beyond(wanted.scores), isLogits ? 1e-5 : 2e-6);
    for (const [name, values] of Object.entries(wanted.z)) close(`z ${t} ${name}`, after[`z/${name}`], values, 5e-5);
    expect(given.negativeCurvature, `negative curvature ${t}`).toBe(wanted.solution.negativeCurvature);
    // differences of nearly equal terms: float32 leaves fewer digits of a_i = ⟨∇L_i, z⟩ and of a_i − ā
    close(`a ${t}`, given.alignment, wanted.a, 3e-4);
    close(`‖∇Φ‖ ${t}`, [given.hypergradientNorm], [normOf(wanted.hypergradient)], 3e-4);
    for (const [name, values] of Object.entries(wanted.score)) {
      if (isLogits && name === 'head.bias') continue;
      close(`score model ${t} ${name}`, after[`score/${name}`], values, 5e-5);
    }
  });
  program.dispose();
}

/** what an outer step comes to, as one list */
const all = ({ inner, upperLoss, z, a, hypergradient }: OuterByDefinition): number[][] => [
  inner.map(({ G }) => G),
  [upperLoss],
  Object.values(z).flatMap((x) => [...x]),
  [...a],
  Object.values(hypergradient).flatMap((x) => [...x]),
];

describe('two outer steps, by definition', () => {
  const release = sectionOf({});
  const expected = byDefinition(release);

  test('as the release takes them', async () => {
    expect(expected.every(({ inner }) => inner.every(({ factor }) => factor < 1)), 'the clip acts').toBe(true);
    await expectByDefinition(release, expected);
  });

  test.each<[string, Section]>([
    ['bilevel.causalProxy=true', { causalProxy: true }],
    ['bilevel.normaliser=fresh', { normaliser: 'fresh' }],
    ['bilevel.weights=raw', { weights: 'raw' }],
    ['bilevel.weights=logits', { weights: 'logits', normaliser: 'fresh' }],
    ['bilevel.weights=logits, bilevel.temperature=0.4', { weights: 'logits', temperature: 0.4, normaliser: 'fresh' }],
    ['bilevel.klWeight=0', { klWeight: 0 }],
    ['bilevel.klDirection=proxy-target', { klDirection: 'proxy-target' }],
    ['bilevel.innerSteps=5', { innerSteps: 5 }],
    ['bilevel.referenceDevices=8', { referenceDevices: 8 }],
    ['bilevel.score.adam.epsilon=1e-2', { score: { adam: { ...adam, epsilon: 1e-2 } } }],
    ['bilevel.solver.start=zero', { solver: { start: 'zero' } }],
    ['bilevel.solver.start=warm', { solver: { start: 'warm' } }],
    ['bilevel.solver.steps=1', { solver: { steps: 1 } }],
    ['bilevel.solver.curvature=gauss-newton', { solver: { curvature: 'gauss-newton' } }],
    ['bilevel.solver.method=cg', { solver: { method: 'cg', start: 'zero', damping: 1 } }],
    ['bilevel.solver.method=neumann', { solver: { method: 'neumann', start: 'zero' } }],
    ['bilevel.solver.method=identity', { solver: { method: 'identity' } }],
    ['bilevel.solver.preconditioner=adam', { innerSteps: 2, solver: { method: 'identity', preconditioner: 'adam' } }],
    ['bilevel.weights=logits, bilevel.solver.preconditioner=adam', { weights: 'logits', temperature: 0.4, normaliser: 'fresh', solver: { method: 'identity', preconditioner: 'adam', epsilon: 0.02 } }],
  ])('%s', async (_, change) => {
    const section = sectionOf(change);
    const changed = byDefinition(section);
    // the case is one in which the switch matters, in the second step at the latest
    const moved = changed.flatMap((step, t) => all(step).map((values, i) => offBy(values, all(expected[t])[i])));
    const scores = changed.map(({ score }, t) => Math.max(...Object.entries(score).map(([name, values]) => offBy(values, expected[t].score[name]))));
    expect(Math.max(...moved, ...scores)).toBeGreaterThan(1e-3);
    await expectByDefinition(section, changed);
  });
});
