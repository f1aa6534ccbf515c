import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/index.js';
import type { StageInputs, StageName, StageResult } from '../../lib/stages/index.js';
import { runSeed } from '../../workflows/seed.js';
import type { RunStage } from '../../workflows/board/stage-board.js';
import { stageParts } from '../../workflows/board/stage-parts.js';
import type { StageWorkflowInput } from '../../workflows/stage/stage.js';
import type { StageRunner, Together } from '../../workflows/board/together.js';
import type { PipelineInput } from '../../workflows/types.js';

/** A reference that says which stage it is the result of. */
export const resultOf = (stage: string): Ref => ({ uri: `store:${stage}`, sha256: '', size: 0, digest: stage });

export interface RecordInputs {
  readonly config: RunConfig;
  readonly seed?: number;
  /** what a stage came to. @default resultOf */
  readonly refOf?: (stage: string) => Ref;
  /** as the run's input has it. @default absent */
  readonly noise?: PipelineInput['noise'];
  /** as the execution's history has it. @default true */
  readonly hasNoiseOfArm?: boolean;
}

/** Goes through a seed as a run's workflow does, and gives what each stage would be handed, by its path; of stages in parts the first part's. */
export async function recordInputs({ config, seed = 0, refOf = resultOf, noise, hasNoiseOfArm = true }: RecordInputs): Promise<{ of<Name extends StageName>(name: Name, stage: string): StageInputs[Name] }> {
  const inputs = new Map<string, { readonly name: StageName; readonly input: unknown }>();
  const shards = new Array<number>(config.rounds + 1).fill(1);
  const run = async <Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<readonly StageResult[]> => {
    const parts = stageParts(stage);
    inputs.set(stage.place.stage, { name: stage.name, input: parts[0] });
    return parts.map(() => ({ ref: refOf(stage.place.stage), summary: stage.name === 'prepare' ? { shards } : {}, cached: false }));
  };
  const board: StageRunner = { run, runOne: async (stage) => (await run(stage))[0], lastRound: config.rounds, mayBeginRound: () => true };
  const together: Together = {
    all: async (tasks) => {
      const results = [];
      for (const task of tasks) results.push(await task());
      return results;
    },
    branches: () => ({ run: (branch) => branch(), cancel: () => undefined }),
    resolveSelection: ({ from }) => Promise.resolve(refOf(from)),
    checkTasks: () => undefined,
    endsAtFailure: () => true,
    hasNoiseOfArm: () => hasNoiseOfArm,
  };
  await runSeed({ board, together, input: { run: 'run', config, configFolder: '/', scope: '', ...(noise === undefined ? {} : { noise }) }, seed });
  return {
    of: <Name extends StageName>(name: Name, stage: string) => {
      const found = inputs.get(stage);
      if (found?.name !== name) throw new RangeError(`no ${name} at ${stage}; there are ${[...inputs.keys()].join(', ')}`);
      return found.input as StageInputs[Name];
    },
  };
}
