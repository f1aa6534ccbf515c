import type { StageResult } from '../lib/stages/types.js';
import { asStage, gpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Learns the score model θ_s against the proxy, outer step by outer step.  @see method §4, step 2 */
export async function bilevel(workflow: StageWorkflowInput<'bilevel'>): Promise<StageResult> {
  requireStageInput('bilevel', workflow);
  const { input, worker } = workflow;
  const { stopAt } = input.bilevel;
  const summary = `learn scores: ${stopAt !== undefined && stopAt.rankCorrelation < 1 ? 'at most ' : ''}${input.bilevel.outerSteps} outer steps of ${input.bilevel.innerSteps} inner, z by ${input.bilevel.solver.method}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, gpu(worker, summary).learnScores));
}
