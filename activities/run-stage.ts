import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { StageTask } from '../lib/stages/execute.js';
import type { StageInputs, StageName, StageProgress, StageResult } from '../lib/stages/types.js';
import { interruptionsBefore, placeOf, withInterruption, type HeartbeatDetails, type Interruption } from './interruptions.js';
import type { ProgressFiles } from './progress-files.js';
import { StageFailed, TrainerCrashed, type Trainer } from './trainer.js';

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

/** Handed to every activity factory. */
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

/** A stage whose trainer crashes so often in a row, with nothing gained, will crash again. */
const CRASH_LOOP = 5;
/** Waiting helps with these, however often they come: they are no crashes. */
const PATIENT: ReadonlySet<string> = new Set(['DiskFull', 'Fenced', 'NumericsDiffer', 'ServerUnreachable']);
/** long enough to lose little by trying in vain, short enough to go on soon after the mend */
const PATIENT_RETRY = '10s';
/** how often a heartbeat is sent while a program is compiled, which reports no steps */
const PHASE_HEARTBEAT_MS = 1_000;
/** a trainer's process is up within seconds; a machine under load may take longer */
const START_SECONDS = 60;

/**
 * An activity is the same in every stage: hand the task to a trainer, heartbeat on its real progress, turn what ends it
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

  let details: HeartbeatDetails = { scheduling: `${request.run}/${request.stage}/${request.epoch}`, attempt, interruptions: interruptionsBefore(before), step: before?.step ?? 0, of: before?.of ?? 0, checkpoint: before?.checkpoint ?? null, crashes: before?.crashes ?? 0 };
  const heartbeat = (change: Partial<HeartbeatDetails>): void => {
    details = { ...details, ...change };
    context.heartbeat(details);
  };
  /** Ends this attempt with another to follow. */
  const interrupted = ({ code, message }: Pick<Interruption, 'code' | 'message'>): ApplicationFailure => {
    heartbeat({ interruptions: withInterruption(details, { code, message }) });
    return ApplicationFailure.create({ type: code, message, nonRetryable: false, details: [details], ...(PATIENT.has(code) ? { nextRetryDelay: PATIENT_RETRY } : {}) });
  };
  heartbeat({});
  await files.started();

  let phaseTimer: NodeJS.Timeout | undefined;
  const endPhase = (): void => clearInterval(phaseTimer);
  /** A trainer that starts or compiles says nothing: its worker answers for it, for as long as that may take. */
  const answerFor = (seconds: number): void => {
    const until = performance.now() + seconds * 1000;
    phaseTimer = setInterval(() => (performance.now() < until ? heartbeat({}) : endPhase()), PHASE_HEARTBEAT_MS);
  };
  try {
    if (context.cancellationSignal.aborted) throw new StageFailed('Stopped', 'told to stop before it began', true, undefined, undefined);
    answerFor(START_SECONDS);
    const result = await dependencies.trainer.run({
      task,
      home: dependencies.home,
      stop: context.cancellationSignal,
      onProgress: (progress: StageProgress) => {
        endPhase();
        const loss = progress.metrics?.['loss'];
        heartbeat({ step: progress.step, of: progress.of, ...(loss === undefined ? {} : { loss }) });
        files.progress(progress);
      },
      onPhase: (phase) => {
        endPhase();
        heartbeat({});
        files.phase(phase);
        answerFor(request.compileTimeout);
      },
      onCheckpoint: ({ step, bytes, seconds }) => {
        heartbeat({ checkpoint: step, crashes: 0 });
        files.log(`checkpoint at step ${step}: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s`);
      },
      onEvent: ({ name: event, detail }) => files.log(`${event}: ${detail}`),
      onNote: (text) => files.note(text),
    });
    const { note } = result.summary;
    if (result.cached && typeof note === 'string') files.note(note);
    await files.ended(result.cached ? 'cached' : 'done', { artifact: result.ref.uri });
    return details.interruptions.length === 0 ? result : { ...result, interruptions: details.interruptions };
  } catch (error) {
    throw await explain(error);
  } finally {
    endPhase();
  }

  async function explain(error: unknown): Promise<unknown> {
    if (error instanceof StageFailed && error.code === 'Stopped') {
      const { reason } = context.cancellationSignal;
      if (reason instanceof CancelledFailure && reason.message !== 'WORKER_SHUTDOWN') {
        // TIMED_OUT, NOT_FOUND: another attempt goes on, whose files these are now; PAUSED, RESET: one will
        if (reason.message === 'CANCELLED') await files.ended('waiting', { error: 'stopped on request; a checkpoint is saved' });
        else files.log(`ended: ${reason.message}`);
        return reason;
      }
      const message = `the worker was told to stop at step ${details.step} of ${details.of}; the next attempt goes on from ${placeOf(details)}`;
      await files.ended('preempted', { error: message });
      return interrupted({ code: 'Preempted', message });
    }
    if (error instanceof StageFailed && !error.retryable) {
      await files.ended('failed', { error: error.message });
      return ApplicationFailure.create({ type: error.code, message: `${request.stage}: ${error.message}`, nonRetryable: true, details: [{ mend: error.mend ?? null }] });
    }
    if (error instanceof TrainerCrashed || error instanceof StageFailed) {
      if (error instanceof StageFailed && error.childStack !== undefined) files.log(error.childStack);
      const crashes = error instanceof StageFailed && PATIENT.has(error.code) ? details.crashes : details.crashes + 1;
      heartbeat({ crashes });
      if (crashes >= CRASH_LOOP) {
        const message = `${request.stage}: ${crashes} crashes in a row without a new checkpoint; the last: ${error.message}; see "bliss logs ${request.run} ${request.stage}", mend the cause and "bliss resume ${request.run}"`;
        await files.ended('failed', { error: message });
        return ApplicationFailure.create({ type: 'CrashLoop', message, nonRetryable: true });
      }
      // overtaken: the progress file is the later attempt's
      if (error instanceof StageFailed && error.code === 'Fenced') files.log(error.message);
      else await files.ended(error instanceof StageFailed && PATIENT.has(error.code) ? 'waiting' : 'preempted', { error: error.message });
      return interrupted({ code: error instanceof StageFailed ? error.code : 'TrainerCrashed', message: `${error.message} (step ${details.step} of ${details.of}); the next attempt goes on from ${placeOf(details)}` });
    }
    await files.ended('failed', { error: error instanceof Error ? error.message : String(error) });
    return error;
  }
}
