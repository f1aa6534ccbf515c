import type { StageResult } from '../lib/stages/types.js';
import { asStage, cpu, plainText, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Keeps the best rows of a shard group, or a uniform sample.  @see method §4, step 4 */
export async function selection(workflow: StageWorkflowInput<'selection'>): Promise<StageResult> {
  requireStageInput('selection', workflow);
  const { input, worker } = workflow;
  const summary = input.ids !== undefined ? `take the rows whose ids are in ${plainText(input.ids.path)}` : `keep ${(100 * input.fraction).toFixed(0)}% of group ${input.group} by ${input.selector === 'random' ? 'chance' : input.method}`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, cpu(worker, summary).selectRows));
}
