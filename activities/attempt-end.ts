import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { PATIENT_RETRY } from './in-temporal-terms.js';
import { placeOf, withInterruption, type HeartbeatDetails, type Interruption } from './interruptions.js';
import type { StageFiles } from './progress-files.js';
import { StageFailed, TrainerCrashed, TrainerSilent } from './trainer.js';

/** What an attempt knows of itself when it has ended without a result. */
export interface EndedAttempt {
  readonly run: string;
  readonly stage: string;
  readonly files: StageFiles;
  /** the activity's own */
  readonly cancellation: AbortSignal;
  /** what it did last while no step counted */
  readonly doing: string | undefined;
  /** seconds that its trainer could say nothing for; undefined: for ever */
  readonly heartbeatTimeout: number | undefined;
  /** seconds beside, for what `doing` says */
  readonly compileTimeout: number;
  details(): HeartbeatDetails;
  heartbeat(change: Partial<HeartbeatDetails>): void;
}

/** The trainer's process ended without a word, or with one that says to try again. */
type Crash = TrainerCrashed | TrainerSilent | StageFailed;

/** A stage whose trainer crashes so often in a row, with nothing gained, will crash again. */
const CRASH_LOOP = 5;
/** Waiting helps with these, however often they come: they are no crashes. */
const PATIENT: ReadonlySet<string> = new Set(['DiskFull', 'Fenced', 'NumericsDiffer', 'ServerUnreachable']);
const helpsToWait = (error: Crash): boolean => error instanceof StageFailed && PATIENT.has(error.code);

/** What has ended an attempt, as what Temporal shall do about it; the stage's files say the same to people. */
export async function asEndOfAttempt(error: unknown, attempt: EndedAttempt): Promise<unknown> {
  const { aborted, reason } = attempt.cancellation;
  // one that was told to stop and is not heard of again has ended as well, without a checkpoint
  if ((error instanceof StageFailed && error.code === 'Stopped') || (error instanceof TrainerSilent && aborted)) {
    return reason instanceof CancelledFailure && reason.message !== 'WORKER_SHUTDOWN' ? cancelled(error, reason, attempt) : preempted(attempt);
  }
  if (error instanceof StageFailed && !error.retryable) return failedForGood(error, attempt);
  if (error instanceof TrainerCrashed || error instanceof TrainerSilent || error instanceof StageFailed) {
    if (error instanceof StageFailed && error.childStack !== undefined) attempt.files.log(error.childStack);
    const crashes = countedCrashes(error, attempt);
    return crashes >= CRASH_LOOP ? crashLoop(error, crashes, attempt) : triedAgain(error, attempt);
  }
  await attempt.files.ended('failed', { error: error instanceof Error ? error.message : String(error) });
  return error;
}

/** The server wants this attempt no more. TIMED_OUT, NOT_FOUND: another goes on, whose files these are now; PAUSED, RESET: one will. */
async function cancelled(error: StageFailed | TrainerSilent, reason: CancelledFailure, { files }: EndedAttempt): Promise<CancelledFailure> {
  if (reason.message === 'CANCELLED') await files.ended('waiting', { error: error instanceof TrainerSilent ? `stopped on request: ${error.message}` : 'stopped on request; a checkpoint is saved' });
  else files.log(`ended: ${reason.message}`);
  return reason;
}

/** The worker ends, and the stage goes on elsewhere. */
async function preempted(attempt: EndedAttempt): Promise<ApplicationFailure> {
  const details = attempt.details();
  const message = `the worker was told to stop at step ${details.step} of ${details.of}; the next attempt goes on from ${placeOf(details)}`;
  await attempt.files.ended('preempted', { error: message });
  return interrupted({ code: 'Preempted', message }, attempt);
}

/** No further try fixes it. */
async function failedForGood(error: StageFailed, { files, stage }: EndedAttempt): Promise<ApplicationFailure> {
  await files.ended('failed', { error: error.message });
  return ApplicationFailure.create({ type: error.code, message: `${stage}: ${error.message}`, nonRetryable: true, details: [{ fix: error.fix ?? null }] });
}

/** Crashes in a row, this one too where it is one. */
function countedCrashes(error: Crash, { details, heartbeat }: EndedAttempt): number {
  const crashes = details().crashes + (helpsToWait(error) ? 0 : 1);
  heartbeat({ crashes });
  return crashes;
}

async function crashLoop(error: Crash, crashes: number, { files, run, stage, doing, heartbeatTimeout, compileTimeout }: EndedAttempt): Promise<ApplicationFailure> {
  const logs = `\`bliss logs ${run} ${stage}\``;
  const fix = error instanceof TrainerSilent ? `raise ${doing === undefined ? `worker.heartbeatTimeout (${heartbeatTimeout ?? '?'} s) above what a step takes at its longest` : `worker.compileTimeout (${compileTimeout} s)`}, or see what it hangs on: ${logs}` : `see what it dies of: ${logs}`;
  const message = `${stage}: ${crashes} crashes in a row without a new checkpoint; the last: ${error.message}; ${fix}`;
  await files.ended('failed', { error: message });
  return ApplicationFailure.create({ type: 'CrashLoop', message, nonRetryable: true, details: [{ fix }] });
}

async function triedAgain(error: Crash, attempt: EndedAttempt): Promise<ApplicationFailure> {
  const { files } = attempt;
  const details = attempt.details();
  // overtaken: the progress file is the later attempt's
  if (error instanceof StageFailed && error.code === 'Fenced') files.log(error.message);
  else await files.ended(helpsToWait(error) ? 'waiting' : 'preempted', { error: error.message });
  return interrupted({ code: error instanceof StageFailed ? error.code : error.name, message: `${error.message} (step ${details.step} of ${details.of}); the next attempt goes on from ${placeOf(details)}` }, attempt);
}

/** Ends this attempt with another to follow. */
function interrupted({ code, message }: Pick<Interruption, 'code' | 'message'>, { details, heartbeat }: EndedAttempt): ApplicationFailure {
  heartbeat({ interruptions: withInterruption(details(), { code, message }) });
  return ApplicationFailure.create({ type: code, message, nonRetryable: false, details: [details()], ...(PATIENT.has(code) ? { nextRetryDelay: PATIENT_RETRY } : {}) });
}
