import { beforeAll, expect, test } from 'vitest';
import type { StageInputs, StageResult } from '../../lib/stages/index.js';
import { bilevelInput, call, config, killedAfter, madeIn, metricsOf, stoppedOften, trainingInput } from './steps/divergence-runs.js';

/*
 * A bilevel phase in micro-batches, as a stage: the same steps, durable like those of whole minibatches.
 */
const OUTER_STEPS = 5;
let warm: StageResult;
beforeAll(async () => {
  warm = await call('training', trainingInput({}), { run: 'warm' });
});
const inputOf = (changes: Partial<StageInputs['bilevel']['bilevel']>): StageInputs['bilevel'] => bilevelInput({ outerSteps: OUTER_STEPS, checkpointEvery: 2, solver: { ...config.bilevel.solver, steps: 2 }, ...changes }, warm.ref);
const IN_PARTS = { microBatchSize: config.bilevel.batchSize / 2, validationMicroBatchSize: 1 };

test('goes through the steps of whole minibatches, and is another stage of the store', async () => {
  const [whole, parts] = [await call('bilevel', inputOf({}), { run: 'whole' }), await call('bilevel', inputOf(IN_PARTS), { run: 'parts' })];
  const [one, other] = [await metricsOf(whole.ref), await metricsOf(parts.ref)];
  expect(other).toHaveLength(OUTER_STEPS);
  for (const field of ['upperLoss', 'lowerLoss', 'proxyGradientNorm', 'hypergradientNorm', 'zNorm', 'scoreMean']) {
    for (const [step, line] of one.entries()) expect(Number(other[step][field]) / Number(line[field]), `${field} of step ${step}`).toBeCloseTo(1, 3);
  }
  expect(parts.ref.uri).not.toBe(whole.ref.uri);
});

test('comes to the same bytes however it is stopped or killed', async () => {
  const whole = await call('bilevel', inputOf(IN_PARTS), { run: 'parts' });
  await expect(call('bilevel', inputOf(IN_PARTS), { run: 'parts-stopped', hooks: killedAfter(3) })).rejects.toThrow('killed');
  const { result, stops } = await stoppedOften('bilevel', inputOf(IN_PARTS), { run: 'parts-stopped', from: 2, steps: () => 1 });
  expect(stops).toBeGreaterThan(0);
  expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
});
