import { CancellationScope, patched } from '@temporalio/workflow';
import { scoresOnDevice } from '../config/tables/selectors.js';
import type { ScoringInput, StageResult } from '../lib/stages/types.js';
import { asStage, cpu, gpu, requireStageInput, schedule, type StageWorkflowInput } from './stage/index.js';
import { shardRanges } from './scoring-tasks.js';
import { slidingWindow } from './sliding-window.js';

/** The scoring stage's own part: which shards there are, and how many one activity takes. */
export interface ScoringWorkflowInput extends StageWorkflowInput<'scoring'> {
  readonly shards: number;
  readonly shardsPerTask: number;
}

/** activities of one stage in flight: enough for a fleet, far below the server's 2,000 */
const WINDOW = 64;

/** Executions that earlier versions took past the failure of a part do the parts that they have scheduled. */
const ENDS_AT_FAILURE = 'scoring-ends-at-failure';

/** Scores every row of the round's shard group; shard ranges run side by side.  @see method §4, step 3 */
export async function scoring(workflow: ScoringWorkflowInput): Promise<readonly StageResult[]> {
  requireStageInput('scoring', workflow);
  const { shards, shardsPerTask, worker } = workflow;
  const ranges = shardRanges({ shards, perTask: shardsPerTask });
  return asStage(workflow, `score ${shards} ${shards === 1 ? 'shard' : 'shards'}`, (pausable) => {
    const scope = new CancellationScope();
    const score = (range: (typeof ranges)[number]): Promise<StageResult> => {
      const input: ScoringInput = { ...workflow.input, shards: range };
      const summary = `score shards ${range.first} to ${range.end - 1}`;
      return schedule({ workflow, pausable, input, summary, part: `shards-${range.first}-${range.end}` }, (scoresOnDevice(input.by ?? 'score-model') ? gpu : cpu)(worker, summary).scoreShards);
    };
    // what is in flight may be hours of work that still waits for a device
    const onFailure = (): void => {
      if (patched(ENDS_AT_FAILURE)) scope.cancel();
    };
    return scope.run(() => slidingWindow(ranges, WINDOW, score, onFailure));
  });
}
