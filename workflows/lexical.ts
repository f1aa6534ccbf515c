import type { StageResult } from '../lib/stages/types.js';
import { asStage, cpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** N-gram weights of a selector without tensors.  @see method §9 */
export async function lexical(workflow: StageWorkflowInput<'lexical'>): Promise<StageResult> {
  requireStageInput('lexical', workflow);
  const { input, worker } = workflow;
  const summary = `${input.method}: weigh n-grams of group ${input.group}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, cpu(worker, summary).weighNgrams));
}
