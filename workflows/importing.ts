import type { StageResult } from '../lib/stages/types.js';
import { asStage, cpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Weights of a Hugging Face folder, in the place of a warm-up.  @see method §4 */
export async function importing(workflow: StageWorkflowInput<'importing'>): Promise<StageResult> {
  requireStageInput('importing', workflow);
  const { input, worker } = workflow;
  const summary = `take the ${input.which}'s weights from ${input.folder}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, cpu(worker, summary).importWeights));
}
