import { Context } from '@temporalio/activity';
import type { StageTask } from '../lib/stages/execution/execute.js';
import type { StageInputs, StageName, StageProgress, StageResult } from '../lib/stages/types.js';
import { asEndOfAttempt } from './attempt-end.js';
import { interruptionsBefore, lostInARow, type HeartbeatDetails, type Interruption } from './interruptions.js';
import type { ProgressFiles } from './progress-files.js';
import { watchSilence } from './silence.js';
import { StageFailed, TrainerSilent, type Trainer } from './trainer.js';

/** What a workflow asks of an activity. */
export interface StageRequest<Name extends StageName> {
  readonly run: string;
  /** path of the stage: `seed-0/bliss/round-1/bilevel` */
  readonly stage: string;
  readonly input: StageInputs[Name];
  /** claimed in the store before this scheduling */
  readonly epoch: number;
  readonly scope: string;
  readonly keepCheckpoints: number;
  readonly keepCheckpointsEvery?: number;
  /** seconds that tracing and compiling may take without progress */
  readonly compileTimeout: number;
}

/** What stages' activities have of their worker. */
export interface StageDependencies {
  readonly trainer: Trainer;
  readonly home: string;
  readonly progressFiles: ProgressFiles;
  /** these activities hold a device while they run */
  readonly device: boolean;
}

/** What an activity gives its workflow: the stage's result, and what came in between. */
export interface StageOutcome extends StageResult {
  /** oldest first, the last few; absent: the first attempt went through */
  readonly interruptions?: readonly Interruption[];
}

/** a trainer's process is up within seconds; a machine under load may take longer */
const START_SECONDS = 60;

/**
 * An activity is the same in every stage: hand the task to a trainer, heartbeat while it is heard of, turn what ends it
 * into what Temporal shall do about it.
 */
export async function runStage<Name extends StageName>(name: Name, request: StageRequest<Name>, dependencies: StageDependencies): Promise<StageOutcome> {
  const context = Context.current();
  const { attempt } = context.info;
  const before: HeartbeatDetails | undefined = context.info.heartbeatDetails;
  const files = dependencies.progressFiles.stage({ run: request.run, stage: request.stage, epoch: request.epoch, attempt, device: dependencies.device });
  const task: StageTask<Name> = {
    name,
    run: request.run,
    stage: request.stage,
    input: request.input,
    fencingToken: { epoch: request.epoch, attempt },
    scope: request.scope,
    keepCheckpoints: request.keepCheckpoints,
    ...(request.keepCheckpointsEvery === undefined ? {} : { keepCheckpointsEvery: request.keepCheckpointsEvery }),
  };

  let details: HeartbeatDetails = { scheduling: `${request.run}/${request.stage}/${request.epoch}`, attempt, interruptions: interruptionsBefore(before), step: before?.step ?? 0, of: before?.of ?? 0, checkpoint: before?.checkpoint ?? null, crashes: before?.crashes ?? 0, lost: lostInARow(before, attempt), furthest: before?.furthest ?? before?.step ?? 0 };
  const heartbeat = (change: Partial<HeartbeatDetails>): void => {
    details = { ...details, ...change };
    context.heartbeat(details);
  };
  heartbeat({});
  const last = details.interruptions.at(-1);
  await files.started(last === undefined ? undefined : { attempt: last.attempt, code: last.code, message: last.message, lost: details.lost ?? 0 });

  const timeout = context.info.heartbeatTimeoutMs === undefined ? undefined : context.info.heartbeatTimeoutMs / 1000;
  const abandon = new AbortController();
  let doing: string | undefined;
  try {
    if (context.cancellationSignal.aborted) throw new StageFailed('Stopped', 'told to stop before it began', true, undefined, undefined);
    const silence = watchSilence({
      heartbeat: () => heartbeat({}),
      timeout,
      start: START_SECONDS,
      onSilent: (seconds) => abandon.abort(new TrainerSilent(`the trainer said nothing for ${seconds} s${doing === undefined ? '' : ` (${doing})`} and was ended by its worker`)),
    });
    const running = dependencies.trainer.run({
      task,
      home: dependencies.home,
      stop: context.cancellationSignal,
      abandon: abandon.signal,
      onProgress: (progress: StageProgress) => {
        doing = undefined;
        silence.heard(0);
        const loss = progress.metrics?.['loss'];
        const gained = progress.step > (details.furthest ?? 0) ? { furthest: progress.step, lost: 0 } : {};
        heartbeat({ step: progress.step, of: progress.of, ...gained, ...(loss === undefined ? {} : { loss }) });
        files.progress(progress);
      },
      onPhase: (phase) => {
        doing = phase;
        silence.heard(request.compileTimeout); // no step counts meanwhile
        heartbeat({});
        files.phase(phase);
      },
      onCheckpoint: ({ step, bytes, seconds }) => {
        silence.heard();
        heartbeat({ checkpoint: step, crashes: 0, lost: 0 });
        files.log(`checkpoint at step ${step}: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s`);
      },
      onEvent: ({ name: event, detail }) => {
        silence.heard();
        files.log(`${event}: ${detail}`);
      },
      onNote: (text) => {
        silence.heard();
        files.note(text);
      },
    });
    const result = await running.finally(() => silence.end());
    const { note } = result.summary;
    if (result.cached && typeof note === 'string') files.note(note);
    await files.ended(result.cached ? 'cached' : 'done', { artifact: result.ref.uri });
    return details.interruptions.length === 0 ? result : { ...result, interruptions: details.interruptions };
  } catch (error) {
    const { run, stage, compileTimeout } = request;
    throw await asEndOfAttempt(error, { run, stage, files, cancellation: context.cancellationSignal, doing, heartbeatTimeout: timeout, compileTimeout, details: () => details, heartbeat });
  }
}
