import { proxyActivities } from '@temporalio/workflow';
import type { StageOutcome, StageRequest } from '../../activities/index.js';
import { STAGES, type StageName } from '../../config/tables/stages.js';
import type { StageInputs, StageResult } from '../../lib/stages/types.js';
import { requireStageInput } from './checked-input.js';
import { activityOptions, asStage, schedule, type StageWorkflowInput } from './stage.js';

/**
 * The workflow of a stage that is one activity and nothing beside: checks its argument, and has the activity done on workers of its kind.
 * @param summaryOf one line for the UI's timeline
 */
export function plainStage<Name extends StageName>(name: Name, summaryOf: (input: StageInputs[Name]) => string): (workflow: StageWorkflowInput<Name>) => Promise<StageResult> {
  const { activity, on: [resource] } = STAGES[name];
  const stage = async (workflow: StageWorkflowInput<Name>): Promise<StageResult> => {
    requireStageInput(name, workflow);
    const { input, worker } = workflow;
    const summary = summaryOf(input);
    const activities = proxyActivities<Record<string, (request: StageRequest<Name>) => Promise<StageOutcome>>>(activityOptions[resource](worker, summary));
    return asStage(workflow, summary, (pausable) => schedule({ workflow, pausable, input, summary }, activities[activity]));
  };
  // what starts a workflow by its function goes by the function's name
  return Object.defineProperty(stage, 'name', { value: name });
}
