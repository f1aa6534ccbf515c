import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { readSafetensors } from '../../lib/models/index.js';
import { groupOf } from '../../lib/programs/index.js';
import { stageByName, stageKey, type StageInputs } from '../../lib/stages/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { blobs, call, config, corpus, killedAfter, madeIn, metricsOf, stopAfter, stoppedOften, trainingInput } from './steps/divergence-runs.js';

/**
 * Weights of logits and AdamW's preconditioner in a stage: what its key is made of, and that a phase gone on with has the bytes of one
 * that was never stopped. What they compute is held in test/bilevel.
 */
type Section = StageInputs['bilevel']['bilevel'];

const ref = (digest: string): StageInputs['bilevel']['proxy'] => ({ uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest });
const inputOf = (section: Section): StageInputs['bilevel'] => ({
  bilevel: section,
  models: config.models,
  sequenceLength: 16,
  corpus: ref('a'.repeat(64)),
  group: 1,
  proxy: ref('b'.repeat(64)),
  target: ref('c'.repeat(64)),
  scorer: null,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: '0/round-1',
});
const defaults = bilevelSchema.parse({});
const key = (changes: Partial<Section> = {}, solver: Partial<Section['solver']> = {}): Promise<string> => stageKey(stageByName('bilevel'), { input: inputOf({ ...defaults, ...changes, solver: { ...defaults.solver, ...solver } }), scope: '' });

describe('the key of a bilevel stage', () => {
  test('of an input without these fields is that of the versions that did not know them', async () => {
    // taken on 7acc846
    expect(await key()).toBe('3d82a6e70d0fa9c53c31b129f68f9ef594a4f895c973ed6b8bdd9940ccc11c30');
  });

  test('knows none of them where they decide nothing', async () => {
    const base = await key();
    expect(await key({ temperature: 1 }, { preconditioner: 'none', epsilon: 0.5 })).toBe(base);
    expect(await key({}, { preconditioner: 'none' })).toBe(base);
    expect(await key({ weights: 'logits', temperature: 1 })).toBe(await key({ weights: 'logits' }));
  });

  test('differs where they do, and a default written out is the default', async () => {
    const identity = { method: 'identity' } as const;
    const adam = { ...identity, preconditioner: 'adam' } as const;
    const keys = await Promise.all([key(), key({ weights: 'logits' }), key({ weights: 'logits', temperature: 0.5 }), key({}, identity), key({}, adam), key({}, { ...adam, epsilon: 1e-8 })]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(await key({}, { ...adam, epsilon: 1e-4 })).toBe(await key({}, adam));
  });
});

describe('a bilevel phase with weights of logits over a temperature and AdamW’s preconditioner', () => {
  const bilevelInput = async (checkpointEvery: number, changes: Partial<Section['solver']> = {}): Promise<StageInputs['bilevel']> => {
    const warm = await call('training', trainingInput({}), { run: 'warm' });
    const solver: Section['solver'] = { ...config.bilevel.solver, method: 'identity', preconditioner: 'adam', ...changes };
    return { ...inputOf({ ...config.bilevel, outerSteps: 5, innerSteps: 2, checkpointEvery, weights: 'logits', temperature: 0.5, solver }), corpus, proxy: warm.ref, target: warm.ref };
  };

  test('comes to the same artifact however it is stopped or killed on the way: the moments are in its checkpoints', async () => {
    const whole = await call('bilevel', await bilevelInput(100), { run: 'logits-undisturbed' });
    for (const [checkpointEvery, n] of [[100, 2], [2, 4]]) {
      const run = `logits-stopped-${checkpointEvery}`;
      const input = await bilevelInput(checkpointEvery);
      await expect(call('bilevel', input, { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
      const { result, stops } = await stoppedOften('bilevel', input, { run, from: 2, steps: () => 1 });
      expect(stops).toBeGreaterThan(0);
      expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
    }
    // logits, not scores in (0, 1), are told
    expect((await metricsOf(whole.ref)).some((line) => Number(line['scoreMin']) < 0)).toBe(true);
  }, 120_000);

  test('has its second moment corrected by the count of the proxy’s updates, K an outer step', async () => {
    const after = async (run: string, changes: Partial<Section['solver']>): Promise<NamedArrays> => {
      await expect(call('bilevel', await bilevelInput(100, changes), { run, hooks: stopAfter(1) })).rejects.toMatchObject({ code: 'Stopped' });
      const [checkpoint] = (await blobs.list(`checkpoints/${run}/`)).filter(({ key: at }) => at.endsWith('bilevel.safetensors'));
      return (await readSafetensors(await blobs.localFile(checkpoint.key))).arrays;
    };
    // up to its first z a phase without the preconditioner is the same
    const [adam, plain] = [await after('logits-first', {}), await after('logits-plain', { preconditioner: 'none' })];
    for (const [name, gradient] of Object.entries(groupOf(plain, 'z'))) {
      const [z, u] = [adam[`z/${name}`], adam[`proxy.adam.u/${name}`]];
      const { beta2 } = config.bilevel.proxy.adam;
      const expected = Array.from(gradient, (v, i) => v / (Math.sqrt(u[i] / (1 - beta2 ** 2)) + 1e-4));
      const scale = Math.max(...expected.map(Math.abs));
      expect(Math.max(...expected.map((x, i) => Math.abs(x - z[i]))), name).toBeLessThan(1e-5 * scale);
    }
  }, 60_000);

  test('is refused where no configuration was checked, before a step is taken', async () => {
    await expect(call('bilevel', await bilevelInput(100, { method: 'gd' }), { run: 'logits-gd' })).rejects.toMatchObject({ code: 'ConfigInvalid', message: expect.stringContaining('bilevel.solver.preconditioner: found "adam" with bilevel.solver.method "gd"') as string });
  });
});
