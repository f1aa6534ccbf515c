import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import { allOrCancel } from '../../../workflows/board/all-or-cancel.js';
import { runArm } from '../../../workflows/arm/arm.js';
import type { SeedContext } from '../../../workflows/arm/seed-context.js';
import { FailedStages } from '../../../workflows/board/failed-stages.js';
import { asWorkflows } from '../../../workflows/board/together.js';
import type { PipelineInput } from '../../../workflows/types.js';

/** An arm whose second round fails while the first round's decay still runs. Tells what happened, in order. */
export async function failingArm(input: PipelineInput): Promise<string[]> {
  const told: string[] = [];
  const result = { ref: { uri: 'store:x', sha256: 's', size: 0, digest: 'd' }, summary: {}, cached: false };
  const runOne = async ({ place }: { readonly place: { readonly stage: string } }): Promise<typeof result> => {
    if (place.stage.endsWith('/decay')) {
      try {
        await sleep('10 days');
      } catch (error) {
        if (!isCancellation(error)) throw error;
        await CancellationScope.nonCancellable(() => sleep(100)); // it saves a checkpoint
        told.push('the decay has saved and ended');
        throw error;
      }
    }
    if (place.stage.endsWith('/round-2/pretraining')) {
      await sleep(100);
      told.push('round 2 fails');
      throw new Error('diverged');
    }
    return result;
  };
  const board = { runOne, lastRound: input.config.rounds, mayBeginRound: () => true } as unknown as SeedContext['board']; // all that this arm asks of it
  const start = { corpus: result.ref, shards: [1, 1, 1], proxy: result.ref, target: result.ref };
  await runArm({ board, together: asWorkflows, input, seed: 0 }, { name: 'random', selector: 'random' }, start).catch((error: unknown) => told.push(`the arm ends: ${error instanceof Error ? error.message : ''}`));
  return told;
}

/** A run that has gone on without so many stages in executions before, and loses one more. */
export async function failingOnceMore(before: number): Promise<void> {
  const place = (round: number) => ({ stage: `seed-0/random/round-${round}/evaluation`, seed: 0, arm: 'random', round });
  const failed = new FailedStages(Array.from({ length: before }, (_, i) => ({ ...place(i + 1), reason: 'no' })));
  const { stage } = place(before + 1);
  failed.add(place(before + 1), new Error(`${stage}: ${'x'.repeat(199)}yz`));
}

/** Three seeds side by side, of which the second fails while the first trains and the third is through. Tells what happened, in order. */
export async function failingSeed(): Promise<string[]> {
  const told: string[] = [];
  const trains = async (): Promise<string> => {
    try {
      await sleep('10 days');
    } catch (error) {
      if (!isCancellation(error)) throw error;
      await CancellationScope.nonCancellable(() => sleep(100)); // it saves a checkpoint
      told.push('the first has saved and ended');
      throw error;
    }
    return 'trained';
  };
  const fails = async (): Promise<string> => {
    await sleep(100);
    told.push('the second fails');
    throw new Error('diverged');
  };
  await allOrCancel([trains, fails, async () => 'through']).catch((error: unknown) => told.push(`all end: ${error instanceof Error ? error.message : ''}`));
  return [...told, ...(await allOrCancel([async () => 'both', async () => 'are through']))];
}
