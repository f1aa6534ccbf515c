import type { ScoringInput, StageInputs, StageName } from '../../lib/stages/types.js';
import { shardRanges } from '../scoring-tasks.js';
import type { RunStage } from './stage-board.js';
import type { StageWorkflowInput } from '../stage/index.js';

/** Inputs of a stage's activities, in their order: scoring runs shard range by shard range, all others in one. */
export function stageParts<Name extends StageName, Input extends StageWorkflowInput<Name>>({ name, input }: RunStage<Name, Input>): readonly StageInputs[Name][] {
  const whole = input.input as StageInputs[Name]; // what RunStage leaves out is not `input`
  if (name !== 'scoring' || !('shards' in input && 'shardsPerTask' in input)) return [whole];
  return shardRanges({ shards: Number(input.shards), perTask: Number(input.shardsPerTask) }).map((range) => ({ ...(whole as ScoringInput), shards: range }) as StageInputs[Name]);
}
