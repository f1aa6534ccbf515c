import type { StageResult } from '../lib/stages/types.js';
import { asStage, cpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Corpus → tokenizer, packed rows in disjoint shard groups, held-out sets.  @see method §4 */
export async function prepare(workflow: StageWorkflowInput<'prepare'>): Promise<StageResult> {
  requireStageInput('prepare', workflow);
  const { input, worker } = workflow;
  const summary = `tokenise and pack into ${input.groups} shard groups`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, cpu(worker, summary).prepareCorpus));
}
