import { isCancellation, setCurrentDetails, startChild, type Workflow } from '@temporalio/workflow';
import type { FinishedStage, StageName, StageResult } from '../lib/stages/types.js';
import type { Interruption, StageOutcome } from '../activities/index.js';
import { pipelineDetails, type PipelineDetails } from './details.js';
import type { StagePlace, StageWorkflowInput } from './stage.js';
import type { PipelineInput, PipelineProgress } from './types.js';

type StageWorkflow<Name extends StageName, Input extends StageWorkflowInput<Name>> = (input: Input) => Promise<StageResult | readonly StageResult[]>;

export interface RunStage<Name extends StageName, Input extends StageWorkflowInput<Name>> {
  readonly name: Name;
  /** the stage's workflow function; its name is the workflow type in the UI */
  readonly workflow: StageWorkflow<Name, Input> & Workflow;
  readonly place: Omit<StagePlace, 'run'>;
  /** one line for the UI */
  readonly summary: string;
  readonly input: Omit<Input, 'place' | 'worker' | 'scope'>;
}

/** The stages of one run: starts each as a child workflow `RUN/<stage>` and remembers how far all are. */
export class StageBoard {
  private readonly states = new Map<string, PipelineProgress['stages'][number]['state']>();
  private readonly finished = new Map<string, FinishedStage>();
  private readonly interruptions = new Map<string, readonly Interruption[]>();

  constructor(
    private readonly input: PipelineInput,
    planned: readonly string[],
  ) {
    for (const stage of planned) this.states.set(stage, 'waiting');
    this.show();
  }

  progress(): PipelineProgress {
    return { stages: [...this.states].map(([stage, state]) => ({ stage, state })) };
  }

  /** finished stages in the planned order, whatever order they finished in */
  results(): readonly FinishedStage[] {
    return [...this.states.keys()].flatMap((stage) => this.finished.get(stage) ?? []);
  }

  /** Rewrites what the UI shows of the run. */
  show(end: Pick<PipelineDetails, 'failure' | 'cancelled' | 'metrics'> = {}): void {
    setCurrentDetails(pipelineDetails({ run: this.input.run, stages: this.progress().stages, interruptions: this.interruptions, ...end }));
  }

  async run<Name extends StageName, Input extends StageWorkflowInput<Name>>({ name, workflow, place, summary, input }: RunStage<Name, Input>): Promise<readonly StageResult[]> {
    const { run, config, scope } = this.input;
    this.set(place.stage, 'running');
    try {
      const argument = { ...input, place: { run, ...place }, worker: config.worker, scope };
      const child = await startChild<Workflow>(workflow, {
        workflowId: `${run}/${place.stage}`,
        args: [argument],
        staticSummary: this.named(place, summary),
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        parentClosePolicy: 'REQUEST_CANCEL',
      });
      const outcome: StageOutcome | readonly StageOutcome[] = await child.result();
      const outcomes: readonly StageOutcome[] = isList(outcome) ? outcome : [outcome];
      const interruptions = outcomes.flatMap((one) => one.interruptions ?? []);
      if (interruptions.length > 0) this.interruptions.set(place.stage, interruptions);
      // how often a stage was interrupted decides nothing that comes after it
      const results = outcomes.map(({ ref, summary: facts, cached }) => ({ ref, summary: facts, cached }));
      this.finished.set(place.stage, { stage: place.stage, name, seed: place.seed, arm: place.arm, round: place.round, results });
      this.set(place.stage, 'done');
      return results;
    } catch (error) {
      this.set(place.stage, isCancellation(error) ? 'cancelled' : 'failed');
      throw error;
    }
  }

  /** for stages with one result */
  async runOne<Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<StageResult> {
    return (await this.run(stage))[0];
  }

  /** On the timeline arms and seeds lie side by side. */
  private named({ seed, arm }: RunStage<StageName, StageWorkflowInput<StageName>>['place'], summary: string): string {
    return [...(seed !== null && this.input.config.seeds.length > 1 ? [`seed ${seed}`] : []), ...(arm === null ? [] : [arm]), summary].join(', ');
  }

  private set(stage: string, state: PipelineProgress['stages'][number]['state']): void {
    this.states.set(stage, state);
    this.show();
  }
}

const isList = (outcome: StageOutcome | readonly StageOutcome[]): outcome is readonly StageOutcome[] => Array.isArray(outcome);
