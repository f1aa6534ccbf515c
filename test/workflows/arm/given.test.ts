import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import type { StageName } from '../../../lib/stages/types.js';
import { planStages } from '../../../workflows/plan.js';
import { runSeed } from '../../../workflows/seed.js';
import type { StageRunner } from '../../../workflows/board/together.js';

/** A stage as the workflow asks for it. */
interface Asked {
  readonly name: StageName;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a seed asks for, by path, and in which order, where each stage gives a reference named after its path. */
async function askedBy(overrides: readonly string[]): Promise<{ readonly asked: ReadonlyMap<string, Asked>; readonly planned: readonly string[] }> {
  const { config } = loadConfig({ source: 'smoke', overrides, cwd: '/' });
  const asked = new Map<string, Asked>();
  const runOne = async ({ name, place, input }: { readonly name: StageName; readonly place: { readonly stage: string }; readonly input: { readonly input: Asked['input'] } }) => {
    asked.set(place.stage, { name, input: input.input });
    // a warm-up and an import in its place are one thing to who comes after
    const digest = place.stage.replace('/import/', '/warm-up/');
    return { ref: { uri: `store:${digest}`, sha256: digest, size: 1, digest }, summary: name === 'prepare' ? { shards: [4, 4] } : {}, cached: false };
  };
  await runSeed({
    board: { runOne, run: async (stage: Parameters<typeof runOne>[0]) => [await runOne(stage)], lastRound: config.rounds, mayBeginRound: () => true } as never as StageRunner, // all that a seed asks of its board
    together: {
      all: async (tasks) => {
        const results = [];
        for (const task of tasks) results.push(await task());
        return results;
      },
      branches: () => ({ run: (branch) => branch(), cancel: () => undefined }),
      resolveSelection: async ({ from, seed }) => ({ uri: `${from}/${seed}`, sha256: '', size: 1, digest: `${from}/${seed}` }),
      checkTasks: () => undefined,
      endsAtFailure: () => true,
      hasNoiseOfArm: () => true,
    },
    input: { run: 'r', config, configFolder: '/config', scope: '' },
    seed: 0,
  });
  return { asked, planned: planStages(config) };
}

describe('a target that starts from given weights', () => {
  test('is imported where its warm-up would be; every other stage is asked for as if it had been warmed up', async () => {
    const cold = await askedBy(['rounds=2']);
    const given = await askedBy(['rounds=2', 'models.target.from=weights/pythia']);
    const [warmUp, imported] = ['seed-0/warm-up/target', 'seed-0/import/target'];
    expect([...given.asked.keys()]).toEqual([...cold.asked.keys()].map((stage) => (stage === warmUp ? imported : stage)));
    const { from: _, ...model } = loadConfig({ source: 'smoke', cwd: '/' }).config.models.target;
    expect(given.asked.get(imported)).toEqual({ name: 'importing', input: { model, vocabularySize: 512, which: 'target', folder: 'weights/pythia', configFolder: '/config' } });
    for (const [stage, { name, input }] of cold.asked) if (stage !== warmUp) expect(given.asked.get(stage), stage).toEqual({ name, input });
    expect(new Set(given.planned)).toEqual(new Set([...given.asked.keys(), 'report']));
  });

  test('beside a proxy that does too leaves nothing to warm up, and no rows to draw for it', async () => {
    const { asked, planned } = await askedBy(['models.target.from=a', 'models.proxy.from=b']);
    expect([...asked.keys()].slice(0, 3)).toEqual(['seed-0/prepare', 'seed-0/import/proxy', 'seed-0/import/target']);
    expect([...asked.keys()].filter((stage) => stage.includes('warm-up'))).toEqual([]);
    expect(asked.get('seed-0/import/proxy')?.input).toMatchObject({ which: 'proxy', folder: 'b' });
    expect(asked.get('seed-0/bliss/round-1/bilevel')?.input).toMatchObject({ proxy: { digest: 'seed-0/warm-up/proxy' }, target: { digest: 'seed-0/warm-up/target' } });
    expect(new Set(planned)).toEqual(new Set([...asked.keys(), 'report']));
  });
});

describe('rows that are given', () => {
  test('by ids are gathered in each round and trained on by the arms of selector bliss alone', async () => {
    const { asked, planned } = await askedBy(['rounds=2', 'selection.from=./chosen']);
    const own = [...asked.keys()].filter((stage) => stage.includes('/bliss/'));
    expect(own.toSorted()).toEqual([1, 2].flatMap((round) => ['selection', 'pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/bliss/round-${round}/${stage}`)).toSorted());
    for (const round of [1, 2]) {
      expect(asked.get(`seed-0/bliss/round-${round}/selection`)?.input).toMatchObject({ ids: { path: './chosen', folder: '/config' }, corpus: { digest: 'seed-0/prepare' } });
      expect(asked.get(`seed-0/bliss/round-${round}/pretraining`)?.input).toMatchObject({ selection: { digest: `seed-0/bliss/round-${round}/selection` } });
    }
    expect(asked.get('seed-0/random/round-1/selection')?.input).not.toHaveProperty('ids');
    expect(new Set(planned)).toEqual(new Set([...asked.keys(), 'report']));
  });

  test('by another run’s round are its artifact; a folder of such a name is written with ./', async () => {
    const run = await askedBy(['selection.from=other/round-3']);
    expect(run.asked.get('seed-0/bliss/round-1/pretraining')?.input).toMatchObject({ selection: { digest: 'other/round-3/0' } });
    expect(run.planned).not.toContain('seed-0/bliss/round-1/selection');
    const folder = await askedBy(['selection.from=./other/round-3']);
    expect(folder.asked.get('seed-0/bliss/round-1/selection')?.input).toMatchObject({ ids: { path: './other/round-3' } });
  });
});
