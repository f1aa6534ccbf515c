import { expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { runSeed } from '../../../workflows/seed.js';
import type { StageRunner, Together } from '../../../workflows/board/together.js';

/** What the stages of a run get as their policy for numbers gone bad, by stage; `none` where the input has no such field. */
async function policies(overrides: readonly string[]): Promise<Record<string, unknown>> {
  const { config } = loadConfig({ source: 'smoke', overrides, cwd: process.cwd() });
  const told: Record<string, unknown> = {};
  const result = { ref: { uri: 'store:x', sha256: 's', size: 0, digest: 'd' }, summary: { shards: [4, 4] }, cached: false };
  const runOne = async ({ place, input: { input } }: { readonly place: { readonly stage: string }; readonly input: { readonly input: object } }): Promise<typeof result> => {
    told[place.stage.replace('seed-0/', '')] = 'divergence' in input ? input.divergence : 'none';
    return result;
  };
  const board = { runOne, run: async (stage: Parameters<typeof runOne>[0]) => [await runOne(stage)], lastRound: 1 , mayBeginRound: () => true} as unknown as StageRunner; // all that a seed asks of it
  const together: Together = { all: (tasks) => Promise.all(tasks.map((task) => task())), branches: () => ({ run: (branch) => branch(), cancel: () => undefined }), resolveSelection: async () => result.ref, checkTasks: () => undefined, endsAtFailure: () => true, hasNoiseOfArm: () => true };
  await runSeed({ board, together, input: { run: 'test', config, configFolder: '/', scope: '' }, seed: 0 });
  return told;
}

const TRAINED = ['warm-up/proxy', 'warm-up/target', 'bliss/round-1/bilevel', 'bliss/round-1/pretraining', 'bliss/round-1/decay', 'random/round-1/pretraining', 'random/round-1/decay'];

test('every stage that trains gets the policy, and no other', async () => {
  const told = await policies(['divergence.policy=rewind']);
  expect(Object.keys(told).filter((stage) => told[stage] !== 'none').toSorted()).toEqual(TRAINED.toSorted());
  for (const stage of TRAINED) expect(told[stage]).toEqual({ policy: 'rewind', maxSkipped: 10 });
  expect((await policies(['divergence.spike={}']))['warm-up/target']).toEqual({ policy: 'stop', maxSkipped: 10, spike: { window: 128, deviations: 6 } });
});

test.each([{ overrides: [] }, { overrides: ['divergence.policy=stop'] }, { overrides: ['divergence.maxSkipped=3'] }])('the default leaves inputs as they were before there was a policy: $overrides', async ({ overrides }) => {
  const told = await policies(overrides);
  expect(Object.keys(told)).toEqual(expect.arrayContaining(TRAINED));
  expect(new Set(Object.values(told))).toEqual(new Set(['none']));
});
