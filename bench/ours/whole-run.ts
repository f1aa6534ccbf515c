import { setImmediate as turn } from 'node:timers/promises';
import { loadConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import type { FinishedStage, StageInputs, StageName, StageResult } from '../../lib/stages/index.js';
import { runSeed } from '../../workflows/seed.js';
import { type RunStage, stageParts, type StageRunner, type Together } from '../../workflows/board/index.js';
import type { StageWorkflowInput } from '../../workflows/stage/index.js';
import type { PipelineInput } from '../../workflows/types.js';
import { openCaller, type StageCaller } from './stage-caller.js';
import type { Subject, SubjectInput } from './subject.js';

export interface WholeRunSpec {
  /** the preset, and settings beside */
  readonly source: string;
  readonly overrides: readonly string[];
  /** settings of the first run, which compiles and is not timed */
  readonly first: readonly string[];
}

/** A step is a whole run, by the workflows' own code, whose stages are called one after the other in this process: no Temporal, no other process. */
export async function wholeRunSubject({ folder, spec }: SubjectInput<WholeRunSpec>): Promise<Subject> {
  const stages = openCaller(openHome(folder).root);
  let runs = 0;
  return {
    step: async () => {
      const { config, configFolder } = loadConfig({ source: spec.source, overrides: [...spec.overrides, ...(runs === 0 ? spec.first : [])], cwd: folder });
      const run = `direct-${++runs}`;
      const input: PipelineInput = { run, config, configFolder, scope: run };
      const started = performance.now();
      const board = new DirectBoard(input, stages);
      for (const seed of config.seeds) await runSeed({ board, together: inTurn, input, seed });
      await board.call('report', 'report', { run, config, stages: board.finished });
      return { seconds: (performance.now() - started) / 1000 };
    },
  };
}

/** Calls each stage where Temporal's board starts a workflow for it. */
class DirectBoard implements StageRunner {
  readonly finished: FinishedStage[] = [];

  constructor(
    private readonly input: PipelineInput,
    private readonly stages: StageCaller,
  ) {}

  /** no history is written that could be full */
  readonly mayBeginRound = (): boolean => true;

  get lastRound(): number {
    return this.input.config.rounds;
  }

  async run<Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<readonly StageResult[]> {
    const { name, place } = stage;
    const results: StageResult[] = [];
    for (const [i, input] of stageParts(stage).entries()) results.push(await this.call(name, i === 0 ? place.stage : `${place.stage}/${i}`, input));
    this.finished.push({ stage: place.stage, name, seed: place.seed, arm: place.arm, round: place.round, results });
    return results;
  }

  async runOne<Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<StageResult> {
    return (await this.run(stage))[0];
  }

  call<Name extends StageName>(name: Name, stage: string, input: StageInputs[Name]): Promise<StageResult> {
    const { run, scope, config } = this.input;
    return this.stages.call(name, input, { onProgress: letMessagesIn }, { run, stage, scope, keepCheckpoints: config.worker.keepCheckpoints });
  }
}

/** as a trainer does after each step */
async function letMessagesIn(): Promise<void> {
  await turn();
  await turn();
}

const inTurn: Together = {
  all: async (tasks) => {
    const results = [];
    for (const task of tasks) results.push(await task());
    return results;
  },
  branches: () => ({ run: (branch) => branch(), cancel: () => undefined }),
  resolveSelection: () => Promise.reject(new Error('a run that is measured takes no other run’s selection')),
  checkTasks: () => undefined,
  endsAtFailure: () => true,
  hasNoiseOfArm: () => true,
};
