import { beforeAll, describe, expect, test } from 'vitest';
import { RELEASE_VALUES } from '../../config/index.js';
import { inFixtures, lacks, runnable } from './folder.js';
import { configOf, runStage, type OuterStepCalls } from './recorded-stage.js';
import { weightsOf, type Recording, type Weights } from './recording.js';

/**
 * Every switch of method §6 and every ablation that the bilevel stage computes, one at a time over the release's settings and data: from
 * `--set` to the first thing that comes out different. What it comes to instead is held against float64 in test/bilevel/ablations.test.ts.
 */
const found = runnable.find(({ name }) => name === 'outer-step/release.json');

/** what the release does where nothing is given */
const ABSENT: ReadonlySet<string> = new Set(['bilevel.temperature', 'bilevel.solver.preconditioner', 'bilevel.schedule', 'bilevel.stopAt.rankCorrelation']);
/** the release's settings as `--set` takes them, for a run without `parity: release`, which would refuse to depart from any */
const released = RELEASE_VALUES.filter(({ path }) => path[0] !== 'models' && !ABSENT.has(path.join('.'))).map(({ path, value }) => [path.join('.'), String(value)] as const);
const overrides = (changes: readonly string[]): string[] => [...released.filter(([field]) => !changes.some((change) => change.startsWith(`${field}=`))).map((pair) => pair.join('=')), ...changes];

/** what a stage comes to, in the order in which it does */
function inOrder(steps: readonly OuterStepCalls[]): readonly (readonly [what: string, values: readonly number[]])[] {
  const under = (state: OuterStepCalls['outer']['state'], prefix: string): number[] => Object.entries(state).flatMap(([name, array]) => (name.startsWith(prefix) ? [...array] : []));
  return steps.flatMap(({ inner, outer }, t) => [
    ...inner.flatMap(({ given, outputs, state }, k): [string, readonly number[]][] => [
      [`rows ${t}.${k}`, [...given.ids]],
      [`scores ${t}.${k}`, [...outputs.scores]],
      [`ΣPL ${t}.${k}`, [outputs.weightedCrossEntropy]],
      [`KL ${t}.${k}`, [outputs.kl]],
      [`G ${t}.${k}`, [outputs.lowerLoss]],
      [`proxy ${t}.${k}`, under(state, 'proxy/')],
    ]),
    [`rows ${t}`, [...outer.given.ids]],
    [`F ${t}`, [outer.outputs.upperLoss]],
    [`scores ${t}`, [...outer.outputs.scores]],
    [`z ${t}`, under(outer.state, 'z/')],
    [`a ${t}`, [...outer.outputs.alignment]],
    [`∇Φ ${t}`, [outer.outputs.hypergradientNorm]],
    [`score model ${t}`, under(outer.state, 'score/')],
  ]);
}

function firstDifference(a: ReturnType<typeof inOrder>, b: ReturnType<typeof inOrder>): string | undefined {
  for (const [i, [what, values]] of a.entries()) {
    const [other, against] = b[i] ?? ['the end', []];
    if (what !== other || values.length !== against.length) return what;
    const scale = Math.max(...against.map(Math.abs));
    if (values.some((x, k) => Math.abs(x - against[k]) > 1e-6 * scale)) return what;
  }
  return undefined;
}

if (found === undefined) lacks('a recording of the release');
else tests(found.recording, found.folder);

function tests(recording: Recording, folder: string): void {
  let weights: Weights;
  let release: readonly OuterStepCalls[];
  const run = (...changes: string[]): Promise<readonly OuterStepCalls[]> => runStage({ recording, weights, config: configOf(recording, 'none', overrides(changes)), mode: 'eager' });
  beforeAll(async () => {
    weights = await weightsOf({ folder, shared: inFixtures('outer-step'), tiny: inFixtures('tiny-neox') });
    release = await runStage({ recording, weights, config: configOf(recording, 'release'), mode: 'eager' });
  }, 120_000);

  test('the release’s settings one by one are parity: release', async () => {
    expect({ ...configOf(recording, 'none', overrides([])), parity: 'release' }).toEqual(configOf(recording, 'release'));
    expect(firstDifference(inOrder(await run()), inOrder(release))).toBeUndefined();
  });

  describe('set back to ours, first changes', () => {
    test.each([
      ['bilevel.causalProxy=true', 'ΣPL 0.0'],
      ['bilevel.disjointBatches=true', 'rows 0.0'],
      ['bilevel.trainingFraction=0.5', 'rows 0.0'],
      ['bilevel.normaliser=fresh', 'ΣPL 1.0'],
      ['bilevel.solver.start=zero', 'z 0'],
      ['bilevel.solver.steps=1', 'z 0'],
    ])('%s: %s', async (change, first) => {
      const ran = await run(change);
      expect(ran.length).toBe(release.length);
      expect(firstDifference(inOrder(ran), inOrder(release))).toBe(first);
    });

    test('bilevel.disjointBatches: no row is in an inner and an outer minibatch; with K = 1 the release’s are the same ones', async () => {
      const length = recording.trainBatches[0][0].length;
      const rowsOf = (ids: Int32Array): string[] => Array.from({ length: ids.length / length }, (_, i) => ids.slice(i * length, (i + 1) * length).join());
      const of = (steps: readonly OuterStepCalls[]) => ({ inner: steps.flatMap(({ inner }) => inner.flatMap(({ given }) => rowsOf(given.ids))), outer: steps.flatMap(({ outer }) => rowsOf(outer.given.ids)) });
      const ours = of(await run('bilevel.disjointBatches=true'));
      expect(ours.inner.filter((row) => ours.outer.includes(row))).toEqual([]);
      expect(of(release).inner).toEqual(of(release).outer);
    });
  });

  describe('ablations: first changes', () => {
    test.each([
      ['bilevel.klWeight=0', 'G 0.0'],
      ['bilevel.klDirection=proxy-target', 'KL 0.0'],
      ['bilevel.weights=raw', 'ΣPL 0.0'],
      ['bilevel.innerSteps=5', 'rows 0.1'],
      ['bilevel.referenceDevices=8', 'G 0.0'],
      ['bilevel.solver.method=cg', 'z 0'],
      ['bilevel.solver.method=neumann', 'z 0'],
      ['bilevel.solver.method=identity', 'z 0'],
      ['bilevel.solver.start=warm', 'z 0'],
      ['bilevel.solver.curvature=gauss-newton', 'z 0'],
      ['bilevel.score.adam.epsilon=1e-3', 'score model 0'],
    ])('%s: %s', async (change, first) => {
      expect(firstDifference(inOrder(await run(change)), inOrder(release))).toBe(first);
    });

    test('bilevel.weights=logits: what rows are weighed by; bilevel.temperature: their weights', async () => {
      const logits = ['bilevel.weights=logits', 'bilevel.normaliser=fresh'];
      const ran = inOrder(await run(...logits));
      expect(firstDifference(ran, inOrder(release))).toBe('scores 0.0');
      expect(firstDifference(inOrder(await run(...logits, 'bilevel.temperature=0.5')), ran)).toBe('ΣPL 0.0');
      expect(firstDifference(inOrder(await run(...logits, 'bilevel.temperature=1')), ran)).toBeUndefined();
    });

    test('bilevel.solver.preconditioner=adam, over identity: z; its epsilon too', async () => {
      const [identity, adam] = ['bilevel.solver.method=identity', 'bilevel.solver.preconditioner=adam'];
      const ran = inOrder(await run(identity, adam));
      expect(firstDifference(ran, inOrder(await run(identity)))).toBe('z 0');
      expect(firstDifference(inOrder(await run(identity, adam, 'bilevel.solver.epsilon=1e-2')), ran)).toBe('z 0');
      expect(firstDifference(inOrder(await run(identity, 'bilevel.solver.preconditioner=none')), inOrder(await run(identity)))).toBeUndefined();
    });
  });
}
