import type { StageResult } from '../lib/stages/types.js';
import { asStage, gpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

async function train(workflow: StageWorkflowInput<'training'>, what: string): Promise<StageResult> {
  requireStageInput('training', workflow);
  const { input, worker } = workflow;
  const summary = `${what}: ${input.steps} ${input.steps === 1 ? 'step' : 'steps'} of ${input.batchSize} ${input.batchSize === 1 ? 'row' : 'rows'}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, gpu(worker, summary).train));
}

/** Proxy or target from initial weights on uniformly drawn rows.  @see method §4 */
export const warmUp = (workflow: StageWorkflowInput<'training'>): Promise<StageResult> => train(workflow, 'warm up');
/** Target on the round's selection.  @see method §4, step 5 */
export const pretraining = (workflow: StageWorkflowInput<'training'>): Promise<StageResult> => train(workflow, 'pretrain on the selection');
/** Side branch: learning-rate decay, for evaluation only.  @see method §4, step 6 */
export const decay = (workflow: StageWorkflowInput<'training'>): Promise<StageResult> => train(workflow, 'decay the learning rate');
