import type { StageResult } from '../lib/stages/types.js';
import { asStage, gpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** Probes what single rows do to the target, and learns to predict it.  @see method §9 */
export async function mates(workflow: StageWorkflowInput<'mates'>): Promise<StageResult> {
  requireStageInput('mates', workflow);
  const { input, worker } = workflow;
  const summary = `learn influences: ${input.mates.probes} probes, ${input.mates.epochs} passes over them`;
  return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, gpu(worker, summary).learnInfluence));
}
