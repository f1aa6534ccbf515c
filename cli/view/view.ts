import type { RunFolder, RunRecord, StageProgressFile } from '../../lib/home.js';
import { isFinished } from '../../lib/timings.js';
import type { FailuresMemo, PipelineInput } from '../../workflows/types.js';
import { readJson, readOutcome, type RunOutcome } from '../runs.js';
import { readStages } from './stages.js';
import type { Trouble } from './troubles.js';

/** `paused`: on request. `over-budget`: paused since its device-hours are spent. `stopped`: it was going on, and no stack is up that would take it further. `unknown`: its server does not answer, or its stack is where it cannot be asked. */
export type RunState = RunOutcome['state'] | OpenState;
export type OpenState = 'running' | 'paused' | 'over-budget' | 'stopped' | 'unknown';

/** of a run that is open on a server */
export const stateOf = ({ paused, spent }: { readonly paused: boolean; readonly spent: boolean }): OpenState => (spent ? 'over-budget' : paused ? 'paused' : 'running');

/** One moment of a run, as people and machines see it. */
export interface RunView {
  readonly run: string;
  readonly state: RunState;
  readonly submittedAt: string;
  readonly finishedAt?: string;
  readonly stages: readonly StageProgressFile[];
  /** what to do where it does not go on by itself */
  readonly hint?: string;
  readonly failure?: RunOutcome['failure'];
  /** stages that have failed for good while the run went on; absent: none */
  readonly failures?: FailuresMemo;
  /** it goes on without them */
  readonly goesOn?: boolean;
  /** what brings them about after the fix */
  readonly goOnBy?: string;
  /** what is tried again; absent: nothing, or no server answers */
  readonly troubles?: readonly Trouble[];
}

export interface ViewRun {
  readonly record: RunRecord;
  readonly folder: RunFolder;
  /** state of a run that has not ended */
  readonly open: OpenState;
  /** what its server says of one that has not ended */
  readonly failures?: FailuresMemo | undefined;
  readonly troubles?: readonly Trouble[] | undefined;
  /** `--home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
}

export function viewRun({ record, folder, open, failures: soFar, troubles = [], homeOption }: ViewRun): RunView {
  const outcome = readOutcome(folder);
  const state = outcome?.state ?? open;
  const stages = readStages(folder).map((stage) => atRest(stage, state));
  const hint = hintFor({ record, state, homeOption });
  const failures = outcome === undefined ? soFar : failuresIn(outcome);
  return {
    run: record.run,
    state,
    submittedAt: record.submittedAt,
    stages,
    ...(outcome === undefined ? {} : { finishedAt: outcome.finishedAt }),
    ...(outcome?.failure === undefined ? {} : { failure: outcome.failure }),
    ...(hint === undefined ? {} : { hint }),
    ...(failures === undefined ? {} : { failures, goesOn: readJson<PipelineInput>(folder.input)?.config.evaluation.onFailure === 'continue', goOnBy: `bliss resume ${record.run}${homeOption}` }),
    ...(outcome !== undefined || troubles.length === 0 ? {} : { troubles }),
  };
}

/** Those of a run that went on without them. */
const failuresIn = ({ result }: RunOutcome): FailuresMemo | undefined => (result?.failed === undefined ? undefined : { count: result.failed.length, newest: result.failed });


/** A stage whose worker was killed still says that it runs: nothing runs in a run that does not. */
function atRest(stage: StageProgressFile, state: RunState): StageProgressFile {
  if (state === 'running' || state === 'unknown' || stage.state !== 'running') return stage;
  const { etaSeconds: _eta, rate: _rate, ...rest } = stage;
  return { ...rest, state: 'preempted' };
}

function hintFor({ record: { run, server, address }, state, homeOption }: Pick<ViewRun, 'record' | 'homeOption'> & { readonly state: RunState }): string | undefined {
  const resume = `bliss resume ${run}${homeOption}`;
  if (state === 'paused' || state === 'stopped' || state === 'failed' || state === 'cancelled' || state === 'terminated' || state === 'timed-out') return resume;
  if (state === 'over-budget') return `bliss budget ${run} --gpu-hours N${homeOption}`;
  if (state === 'unknown' && server === 'configured') return `set TEMPORAL_ADDRESS (it ran at ${address})`;
  return undefined;
}

/** What a run is busy with: the running stages, else the first that is not finished. */
export function currentStages({ stages }: RunView): readonly StageProgressFile[] {
  const running = stages.filter(({ state }) => state === 'running');
  if (running.length > 0) return running;
  return stages.filter((stage) => !isFinished(stage)).slice(0, 1);
}
