import { describe, expect, test } from 'vitest';
import { colorSchema } from '../../../config/sections/color.js';
import type { StageHooks, StageInputs, StageName, StageResult } from '../../../lib/stages/index.js';
import { BATCH, call, config, corpus, madeIn, STEPS, trainingInput } from './divergence-runs.js';

/*
 * A step in several micro-batches hears its worker between them: told to stop there, it lets go of the update that has not happened, and saves the state before it.
 */
const PARTS = BATCH; // of one row each

/** Told to stop after so many words of the stage, which it says after each step and between all parts. */
function stoppedAtWord(word: number, heard: { step: number; value: number }[]): Partial<StageHooks> {
  return {
    onProgress: async ({ step, amount }) => void heard.push({ step, value: amount?.value ?? 0 }),
    stopReason: () => (heard.length >= word ? 'the test says so' : undefined),
  };
}

const training = (): StageInputs['training'] => ({ ...trainingInput({}), microBatchSize: 1, checkpointEvery: 100 });
async function color(): Promise<StageInputs['color']> {
  const warm = await call('training', trainingInput({}), { run: 'warm' });
  return { color: colorSchema.parse({ steps: STEPS, batchSize: BATCH, microBatchSize: 1 }), model: config.models.proxy, vocabularySize: config.models.vocabularySize, sequenceLength: 16, adam: config.warmUp.adam, gradientClip: 1, corpus, prior: warm.ref, compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue', seed: '0/color' };
}

describe.each<[StageName, () => Promise<StageInputs['training' | 'color']>]>([
  ['training', async () => training()],
  ['color', color],
])('a step of %s in micro-batches', (name, inputOf) => {
  const run = async (named: string, hooks: Partial<StageHooks> = {}, attempt = 1): Promise<StageResult> => call(name, (await inputOf()) as never, { run: `${name}-${named}`, attempt, hooks, hearEveryMs: 0 });

  test('says between its parts how far it is, and no step more', async () => {
    const heard: { step: number; value: number }[] = [];
    await run('told', stoppedAtWord(Infinity, heard));
    expect(heard).toHaveLength(STEPS * PARTS); // three words within each step, one after it
    expect(heard.map(({ value }) => value)).toEqual(Array.from({ length: STEPS * PARTS }, (_, i) => (i + 1) * 16));
    expect(heard.map(({ step }) => step)).toEqual(Array.from({ length: STEPS * PARTS }, (_, i) => Math.floor((i + 1) / PARTS)));
  });

  test('lets go within a step, and a next attempt comes to the same bytes', async () => {
    const whole = await run('undisturbed');
    // within the first step, which leaves nothing; within the third; and at its very end
    for (const word of [2, 2 * PARTS + 1, 3 * PARTS]) {
      const saved: number[] = [];
      const hooks = { ...stoppedAtWord(word, []), onCheckpoint: async ({ step }: { readonly step: number }) => void saved.push(step) };
      await expect(run(`stopped-at-${word}`, hooks)).rejects.toMatchObject({ code: 'Stopped' });
      expect(saved).toEqual(word === 2 ? [] : [Math.floor(word / PARTS)]);
      expect(await madeIn((await run(`stopped-at-${word}`, {}, 2)).ref)).toEqual(await madeIn(whole.ref));
    }
  });
});
