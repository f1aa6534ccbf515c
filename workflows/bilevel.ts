import type { StageResult } from '../lib/stages/types.js';
import { requireStageInput } from './stage/checked-input.js';
import { asStage, gpu, schedule, type StageWorkflowInput } from './stage/stage.js';

/** Learns the score model θ_s against the proxy, outer step by outer step.  @see method §4, step 2 */
export async function bilevel(workflow: StageWorkflowInput<'bilevel'>): Promise<StageResult> {
  requireStageInput('bilevel', workflow);
  const { input, worker } = workflow;
  const summary = `learn scores: ${input.bilevel.outerSteps} outer steps of ${input.bilevel.innerSteps} inner, z by ${input.bilevel.solver.method}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, gpu(worker, summary).learnScores));
}
