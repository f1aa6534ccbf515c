/** An attempt that ended before the stage did: the server keeps only the last one's failure, people want all. */
export interface Interruption {
  readonly attempt: number;
  /** `Preempted`, `TrainerCrashed`, `TrainerSilent`, `WorkerLost` or a retryable error's code */
  readonly code: string;
  readonly message: string;
  /** id of this preemption among all of the home: its worker was told to stop or lost, its trainer killed. Absent for other ends, and in what earlier versions wrote */
  readonly preemption?: string;
}

/** Carried by heartbeats from attempt to attempt. */
export interface HeartbeatDetails {
  /** run, stage and epoch; absent in what earlier versions wrote */
  readonly scheduling?: string;
  readonly attempt: number;
  readonly interruptions: readonly Interruption[];
  readonly step: number;
  readonly of: number;
  /** step of the newest checkpoint that this activity has published */
  readonly checkpoint: number | null;
  /** crashes of the trainer in a row without a new checkpoint; preemptions do not count */
  readonly crashes: number;
  /** attempts in a row whose workers were lost before a step or a checkpoint that none had come to; absent in what earlier versions wrote */
  readonly lost?: number;
  /** the last step that an attempt has come to; absent in what earlier versions wrote */
  readonly furthest?: number;
  readonly loss?: number;
}

/** Days on spot machines bring many interruptions; heartbeats and results stay small. */
const INTERRUPTIONS_KEPT = 20;
const INTERRUPTION_LENGTH = 400;
const PREEMPTIONS: ReadonlySet<string> = new Set(['Preempted', 'WorkerLost', 'TrainerCrashed']);

export const placeOf = ({ checkpoint }: Pick<HeartbeatDetails, 'checkpoint'>): string => (checkpoint === null ? 'the start' : `the checkpoint at step ${checkpoint}`);

/** The interruptions there are when this attempt ends too. */
export function withInterruption(details: HeartbeatDetails, { code, message }: Pick<Interruption, 'code' | 'message'>): readonly Interruption[] {
  const { scheduling, attempt } = details;
  const short = message.slice(0, INTERRUPTION_LENGTH);
  // a disk that stays full says so with every attempt: once is enough, under the newest
  const others = details.interruptions.filter((told) => told.preemption !== undefined || told.code !== code || told.message !== short);
  const preemption = scheduling !== undefined && PREEMPTIONS.has(code) ? { preemption: `${scheduling}-${attempt}` } : {};
  return [...others, { attempt, code, message: short, ...preemption }].slice(-INTERRUPTIONS_KEPT);
}

/** It could not tell how it ended. */
const wasLost = ({ attempt, interruptions }: HeartbeatDetails): boolean => !interruptions.some((told) => told.attempt === attempt);

/** Attempts lost in a row with nothing gained, those that were lost before their first heartbeat too. */
export const lostInARow = (before: HeartbeatDetails | undefined, attempt: number): number => (before === undefined || !wasLost(before) ? 0 : (before.lost ?? 0) + attempt - before.attempt);

/** What earlier attempts told, and a word for one that could not: its worker was killed, lost or cut off. */
export function interruptionsBefore(before: HeartbeatDetails | undefined): readonly Interruption[] {
  if (before === undefined) return [];
  if (!wasLost(before)) return before.interruptions;
  const message = `the worker was killed or lost (no more heartbeats) after step ${before.step} of ${before.of}; the next attempt goes on from ${placeOf(before)}`;
  return withInterruption(before, { code: 'WorkerLost', message });
}
