import type { StageResult } from '../lib/stages/types.js';
import { asStage, cpu, presentRun, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';

/** The run's report, metrics and digests; then laid where a person looks for them. */
export async function report(workflow: StageWorkflowInput<'report'>): Promise<StageResult> {
  requireStageInput('report', workflow);
  const { input, worker, place } = workflow;
  const summary = 'report on all stages';
  return asStage(workflow, summary, async (pausable) => {
    const result = await schedule({ workflow, pausable, input, summary }, cpu(worker, summary).writeReport);
    await presentRun({ run: place.run, report: result.ref });
    return result;
  });
}
