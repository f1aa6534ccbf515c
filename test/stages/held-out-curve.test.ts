import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { StageInputs, StageResult } from '../../lib/stages/index.js';
import { call, corpus, config, killedAfter, madeIn, metricsOf, stoppedOften, store, trainingInput } from './steps/divergence-runs.js';

/*
 * Held-out losses on the way of pretraining: what they are of, and that they change nothing of the training.
 */
const heldOut = (every: number): StageInputs['training']['heldOut'] => ({ corpus, set: 'test', every, batchSize: 3 });
const onCurve = async ({ ref }: StageResult): Promise<(readonly [step: unknown, loss: unknown])[]> => (await metricsOf(ref)).flatMap((line) => ('heldOutLoss' in line ? [[line['step'], line['heldOutLoss']] as const] : []));

test('weights, moments and all other metrics are those of a training that takes none, however often they are taken', async () => {
  const plain = await call('training', trainingInput({}), { run: 'curve-plain' });
  const without = (lines: readonly Record<string, unknown>[]): unknown => lines.map(({ heldOutLoss: _taken, ...line }) => line);
  for (const every of [1, 4]) {
    const curved = await call('training', trainingInput({ heldOut: heldOut(every) }), { run: `curve-${every}` });
    expect(curved.ref.digest).toBe(plain.ref.digest);
    expect(without(await metricsOf(curved.ref))).toEqual(await metricsOf(plain.ref));
    expect((await onCurve(curved)).map(([step]) => step)).toEqual(every === 1 ? [1, 2, 3, 4, 5, 6] : [4, 6]);
  }
  expect(await onCurve(plain)).toEqual([]);
});

test('each is what the stage evaluation says of the weights after that step', async () => {
  const said = await onCurve(await call('training', trainingInput({ heldOut: heldOut(2) }), { run: 'curve-said' }));
  expect(said.map(([step]) => step)).toEqual([2, 4, 6]);
  for (const [step, loss] of said) {
    const stopped = await call('training', trainingInput({ steps: Number(step) }), { run: `curve-until-${String(step)}` });
    const evaluated = await call('evaluation', { model: config.models.target, vocabularySize: config.models.vocabularySize, sequenceLength: config.data.sequenceLength, corpus, state: stopped.ref, sets: ['test'], batchSize: 5, compiler: 'graph' }, { run: `curve-evaluated-${String(step)}` });
    const results = JSON.parse(await readFile(await (await store.open(evaluated.ref)).file('evaluation.json'), 'utf8')) as { readonly test: { readonly loss: number } };
    expect(Number(loss)).toBeCloseTo(results.test.loss, 5);
  }
});

test('a training that is stopped or killed on the way has the same curve and comes to the same artifact', async () => {
  const whole = await call('training', trainingInput({ heldOut: heldOut(2) }), { run: 'curve-undisturbed' });
  for (const [checkpointEvery, n] of [[100, 3], [2, 5]]) {
    const run = `curve-stopped-${checkpointEvery}`;
    const input = trainingInput({ heldOut: heldOut(2), checkpointEvery });
    await expect(call('training', input, { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
    const { result, stops } = await stoppedOften('training', input, { run, from: 2, steps: () => 1 });
    expect(stops).toBeGreaterThan(0);
    expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
  }
});
