import { condition, isCancellation, patched, setCurrentDetails, startChild, upsertMemo, workflowInfo, type ChildWorkflowHandle, type Workflow } from '@temporalio/workflow';
import type { FailedStage, FinishedStage, StageName, StageResult } from '../../lib/stages/types.js';
import type { Interruption, KnownStage, StageOutcome } from '../../activities/index.js';
import { pauseStageSignal, pipelineDetails, type PipelineDetails, refused, resumeStageSignal, type StagePlace, type StageWorkflowInput } from '../stage/index.js';
import { FailedStages } from './failed-stages.js';
import type { Notifier } from '../notices/index.js';
import type { PipelineInput, PipelineProgress, Steering } from '../types.js';

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

/** Executions that began under earlier versions take a history of any length to its end. */
const CONTINUES_AS_NEW = 'continues-as-new';

/** The stages of one run: starts each as a child workflow `RUN/<stage>` and remembers how far all are. */
export class StageBoard {
  /** of stages that have begun and neither finished nor failed */
  private readonly begun = new Map<string, 'running' | 'paused' | 'cancelled'>();
  /** in this execution */
  private readonly finished = new Map<string, FinishedStage>();
  private readonly failures: FailedStages;
  private readonly interruptions = new Map<string, readonly Interruption[]>();
  private readonly open = new Map<string, ChildWorkflowHandle<Workflow>>();
  /** finished before it */
  private readonly known = new Map<string, readonly StageResult[]>();
  private steered: Steering;
  private full = false;
  /** how the run ended, once it has */
  private end: Pick<PipelineDetails, 'failure' | 'cancelled' | 'metrics'> = {};

  constructor(
    private readonly input: PipelineInput,
    readonly planned: readonly string[],
    private readonly notifier: Notifier,
  ) {
    this.failures = new FailedStages(input.failed);
    this.steered = input.continued ?? { paused: false };
    if (input.continued === undefined) this.show();
    else this.steer({});
  }

  progress(): PipelineProgress {
    return { stages: this.planned.map((stage) => ({ stage, state: this.stateOf(stage) })), steering: this.steered };
  }

  /** What has finished or failed is told where that is kept, and nowhere again. */
  private stateOf(stage: string): PipelineProgress['stages'][number]['state'] {
    if (this.finished.has(stage) || this.known.has(stage)) return 'done';
    return this.begun.get(stage) ?? (this.failures.has(stage) ? 'failed' : 'waiting');
  }

  /** Stages that are finished before this execution begins: they are not started again. */
  take(known: readonly KnownStage[]): void {
    const planned = new Set(this.planned);
    for (const { stage, results } of known) {
      if (planned.has(stage)) this.known.set(stage, results); // others are of an arm or a seed that this run has not
    }
    this.show();
  }

  get steering(): Steering {
    return this.steered;
  }

  /** after it the run ends */
  get lastRound(): number {
    return Math.min(this.input.config.rounds, this.steered.stopAfterRound ?? Infinity);
  }

  /**
   * Whether an arm may begin its next round in this execution. Where its history is full, arms end at the round that they are at, no child is open
   * then, and the run goes on in another execution. At least something is done in each.
   */
  mayBeginRound(): boolean {
    if (!this.full) this.full = this.finished.size > 0 && workflowInfo().continueAsNewSuggested && patched(CONTINUES_AS_NEW);
    return !this.full;
  }

  /** An arm has rounds left for another execution. */
  get isFull(): boolean {
    return this.full;
  }

  /** No stage begins any more, and those that run save a checkpoint and let go: then it returns. */
  async pause({ spent = false }: { /** since the budget is */ readonly spent?: boolean } = {}): Promise<Steering> {
    this.steer({ paused: true, spent });
    for (const child of this.open.values()) this.tell(child, 'pause');
    await condition(() => !this.steered.paused || this.running === 0);
    if (this.steered.paused) this.notifier.tell('paused', spent ? { message: `its budget of ${this.steered.gpuHours ?? 0} device-hours is spent` } : {});
    return this.steered;
  }

  resume(): Steering {
    this.steer({ paused: false, spent: false });
    for (const [stage, state] of this.begun) if (state === 'paused') this.begun.set(stage, 'running');
    for (const child of this.open.values()) this.tell(child, 'resume');
    this.notifier.tell('resumed');
    this.show();
    return this.steered;
  }

  budget(gpuHours: number | undefined): void {
    const { gpuHours: _before, ...others } = this.steered;
    this.steered = others;
    this.steer(gpuHours === undefined ? {} : { gpuHours });
  }

  /** stages that run now */
  get running(): number {
    return [...this.begun.values()].filter((state) => state === 'running').length;
  }

  /** a stage says that nothing of it runs */
  stagePaused(stage: string): void {
    if (this.steered.paused && this.begun.get(stage) === 'running') this.set(stage, 'paused');
  }

  stopAfter(round: number): Steering {
    this.steer({ stopAfterRound: round });
    return this.steered;
  }

  /** @throws ApplicationFailure why the run cannot end after that round */
  checkRound(round: number): void {
    const { rounds } = this.input.config;
    if (!Number.isInteger(round) || round < 1 || round > rounds) throw refused(`the run has rounds 1 to ${rounds}, none ${round}`, 'name one of them');
    const begun = Math.max(0, ...this.planned.filter((stage) => this.stateOf(stage) !== 'waiting').map((stage) => Number(/\/round-(\d+)\//.exec(stage)?.[1] ?? 0)));
    if (begun > round) throw refused(`round ${begun} has begun already`, `stop after round ${begun} or a later one, or cancel the run`);
  }

  private steer(change: Partial<Steering>): void {
    this.steered = { ...this.steered, ...change };
    upsertMemo({ steering: { ...this.steered } }); // whoever describes the run sees it, without a worker there to answer a query
    this.show();
  }

  /** One that ended in the meantime hears nothing, and needs to hear nothing. */
  private tell(child: ChildWorkflowHandle<Workflow>, what: 'pause' | 'resume'): void {
    void child.signal(what === 'pause' ? pauseStageSignal : resumeStageSignal).catch(() => undefined);
  }

  /** what has finished in this execution, in the planned order, whatever order it finished in */
  results(): readonly FinishedStage[] {
    return this.planned.flatMap((stage) => this.finished.get(stage) ?? []);
  }

  /** what has failed for good, in the planned order */
  failed(): readonly FailedStage[] {
    return this.failures.all.toSorted((a, b) => this.planned.indexOf(a.stage) - this.planned.indexOf(b.stage));
  }

  /** Rewrites what the UI shows of the run. */
  show(end: Pick<PipelineDetails, 'failure' | 'cancelled' | 'metrics'> = this.end): void {
    this.end = end;
    const { run, config } = this.input;
    const { undelivered } = this.notifier;
    setCurrentDetails(pipelineDetails({ run, stages: this.progress().stages, steering: this.steered, interruptions: this.interruptions, failed: this.failed(), goesOn: config.evaluation.onFailure === 'continue', ...(undelivered === undefined ? {} : { undelivered }), ...end }));
  }

  async run<Name extends StageName, Input extends StageWorkflowInput<Name>>({ name, workflow, place, summary, input }: RunStage<Name, Input>): Promise<readonly StageResult[]> {
    const { run, config, scope } = this.input;
    const known = this.known.get(place.stage);
    if (known !== undefined) return known;
    const before = this.failures.failureBefore(place.stage);
    if (before !== undefined) throw before;
    await condition(() => !this.steered.paused);
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
      this.open.set(place.stage, child);
      if (this.steered.paused) this.tell(child, 'pause'); // asked for while it was being started
      const outcome: StageOutcome | readonly StageOutcome[] = await child.result();
      const outcomes: readonly StageOutcome[] = isList(outcome) ? outcome : [outcome];
      const interruptions = outcomes.flatMap((one) => one.interruptions ?? []);
      if (interruptions.length > 0) this.interruptions.set(place.stage, interruptions);
      this.notifier.preempted(place.stage, interruptions);
      // how often a stage was interrupted decides nothing that comes after it
      const results = outcomes.map(({ ref, summary: facts, cached }) => ({ ref, summary: facts, cached }));
      this.finished.set(place.stage, { stage: place.stage, name, seed: place.seed, arm: place.arm, round: place.round, results });
      this.over(place.stage);
      const times = interruptions.length;
      this.notifier.tell('stage-finished', { stage: place.stage, ...(times === 0 ? {} : { message: `after ${times} interruption${times > 1 ? 's' : ''}` }) });
      return results;
    } catch (error) {
      if (!isCancellation(error)) this.notifier.tell('stage-failed', { stage: place.stage, message: this.failures.add(place, error).reason });
      if (isCancellation(error)) this.set(place.stage, 'cancelled');
      else this.over(place.stage);
      throw error;
    } finally {
      this.open.delete(place.stage);
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

  private set(stage: string, state: 'running' | 'paused' | 'cancelled'): void {
    this.begun.set(stage, state);
    this.show();
  }

  /** it has finished or failed */
  private over(stage: string): void {
    this.begun.delete(stage);
    this.show();
  }
}

const isList = (outcome: StageOutcome | readonly StageOutcome[]): outcome is readonly StageOutcome[] => Array.isArray(outcome);
