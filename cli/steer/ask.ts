import { InvalidArgumentError, type Command } from 'commander';
import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, type WorkflowUpdateHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { BlissError } from '../../lib/errors.js';
import { CPU_QUEUE, type Steering } from '../../workflows/types.js';
import type { Session } from '../session.js';
import { lastPolls } from '../submit/index.js';

/** seconds until a run that goes on has answered by far: a worker does so within one, one that is started again within some */
const PATIENCE = 30;
/** an idle worker asks for work once a minute at least: a queue that nobody has asked for so long has no worker */
const POLL_EVERY_MS = 90_000;
const LOOK_EVERY_MS = 1_000;

/** How long the user is willing to wait for a worker. */
export const withPatience = (command: Command): Command =>
  command.option('--patience <seconds>', 'how long to wait for a worker of the run to answer', seconds, PATIENCE);

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('seconds are a number above 0.');
  return value;
}

export interface Waiting {
  readonly session: Session;
  readonly run: string;
  /** ` --home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
  readonly patienceSeconds: number;
}

/**
 * An update is answered by the workers that run the workflows: where there is none it would wait for ever.
 * @throws BlissError Usage where the run says no; ServerUnreachable where no worker answers, saying what it waits for
 */
export async function ask({ update, args, ...waiting }: Waiting & { readonly update: string; readonly args: [] | [number | null] }): Promise<Steering> {
  const { session, run, patienceSeconds } = waiting;
  const handle = session.client.workflow.getHandle(run);
  const waitForStage = 'ACCEPTED' as const;
  const start = (): Promise<WorkflowUpdateHandle<Steering>> =>
    args.length === 0 ? handle.startUpdate<Steering, []>(update, { waitForStage }) : handle.startUpdate<Steering, [number | null]>(update, { args, waitForStage });
  try {
    const accepted = await session.connection.withDeadline(Date.now() + patienceSeconds * 1000, start);
    // what it does may take as long as a program takes to compile, while a worker is there
    return await whileWorked({ ...waiting, until: accepted.result() });
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw noAnswer({ ...waiting, polls: await lastPolls(session, CPU_QUEUE) });
    throw refusal(error) ?? error;
  }
}

interface WhileWorked<T> extends Waiting {
  readonly until: Promise<T>;
  /** how long a worker that was there may not have asked for work. @default 90 s */
  readonly idleMs?: number;
}

/** Waits for what only a worker can bring about, as long as one is there. @throws BlissError ServerUnreachable */
export async function whileWorked<T>({ until, idleMs = POLL_EVERY_MS, ...waiting }: WhileWorked<T>): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([until, workersGone({ ...waiting, idleMs, over: over.signal })]);
  } finally {
    over.abort();
    until.catch(() => undefined); // nobody waits for it any more
  }
}

/** Rejects when nobody has asked for work for so long that nobody is there; by the server's own times, as clocks differ. */
async function workersGone({ over, idleMs, ...waiting }: Waiting & { readonly idleMs: number; readonly over: AbortSignal }): Promise<never> {
  const patienceMs = waiting.patienceSeconds * 1000;
  let newest = -1;
  let changedAt = Date.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
    if (over.aborted) return new Promise<never>(() => undefined);
    const polls = await lastPolls(waiting.session, CPU_QUEUE).catch(() => undefined); // a server that is away is told by who asks it
    const last = polls === undefined ? undefined : Math.max(0, ...polls);
    if (last === undefined || last !== newest) {
      newest = last ?? newest;
      changedAt = Date.now();
    } else if (Date.now() - changedAt > (last === 0 ? patienceMs : Math.max(idleMs, patienceMs))) {
      throw noAnswer({ ...waiting, polls: [] });
    }
  }
}

function noAnswer({ session: { server }, run, homeOption, patienceSeconds, polls }: Waiting & { readonly polls: readonly number[] }): BlissError {
  const who = polls.length === 0 ? `no worker takes work from the queue ${CPU_QUEUE} there` : `no worker of the queue ${CPU_QUEUE} has answered within ${patienceSeconds} s; it was last asked for work at ${new Date(Math.max(...polls)).toISOString()}`;
  return new BlissError({
    code: 'ServerUnreachable',
    message: `the run ${run} does not answer: ${who}. What was asked may still be done when one comes`,
    where: server.address,
    fix: `start the workers with \`bliss dev${homeOption}\`${server.kind === 'configured' ? ' on a machine with this server configured' : ''}, or \`bliss resume ${run}${homeOption}\`; --patience SECONDS waits longer`,
  });
}

/** What the run's own check of an update said. */
function refusal(error: unknown): BlissError | undefined {
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return undefined;
  const details: unknown = error.cause.details?.[0];
  // `mend`: of workers of an earlier version that are still up
  const fix: unknown = typeof details === 'object' && details !== null ? (Reflect.get(details, 'fix') ?? Reflect.get(details, 'mend')) : undefined;
  return new BlissError({ code: 'Usage', message: error.cause.message, ...(typeof fix === 'string' ? { fix } : {}) });
}
