import { upsertSearchAttributes } from '@temporalio/workflow';
import type { StageResult } from '../lib/stages/types.js';
import { asStage, BLISS_LOSS, gpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Held-out loss, perplexity and last-word accuracy of the decayed branch.  @see method §4, step 6 */
export async function evaluation(workflow: StageWorkflowInput<'evaluation'>): Promise<StageResult> {
  requireStageInput('evaluation', workflow);
  const { input, worker } = workflow;
  const summary = `evaluate on ${input.sets.join(' and ')}`;
  return asStage(workflow, summary, async (pausable) => {
    const result = await schedule({ workflow, pausable, input, summary }, gpu(worker, summary).evaluate);
    if (typeof result.summary['loss'] === 'number') upsertSearchAttributes([{ key: BLISS_LOSS, value: result.summary['loss'] }]);
    return result;
  });
}
