import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { CPU_QUEUE, GPU_QUEUE } from '../../workflows/types.js';
import { stayWithStack } from '../../workers/home-lock.js';
import type { Preemption } from '../../workers/preemption.js';
import { openDisplay } from '../view/index.js';
import { follow, type FollowEnd, summarize } from '../follow/index.js';
import type { ExitCode, Output } from '../output.js';
import { requireRecord } from '../runs.js';
import { openSession, type Session } from '../session.js';
import { listenForInterrupt } from '../signals.js';
import { queuesWithoutWorker } from './submit.js';

export interface TakeThrough {
  readonly home: Home;
  readonly output: Output;
  /** `--home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
  /** of the run's configuration: for a stack of our own */
  readonly preemption: Preemption;
  /** brings the run to the server; @returns its name */
  readonly start: (session: Session) => Promise<string>;
}

/**
 * Server up, run started, followed to its end, stack down again: `run` and `resume`.
 * Ctrl-C stops the following; with a stack of our own it saves checkpoints and ends the stack too.
 */
export async function takeThrough({ home, output, homeOption, preemption, start }: TakeThrough): Promise<ExitCode> {
  let session: Session | undefined;
  const interrupt = listenForInterrupt({
    again: () => {
      session?.stack?.kill();
      process.exit(130);
    },
  });
  try {
    session = await openSession({ home, output, preemption });
    // Ctrl-C while the stack came up: nothing is started yet, nothing is left
    if (interrupt.signal.aborted) return 130;
    const run = await start(session);
    const record = requireRecord(home, run);
    const ui = session.uiAddress === undefined ? '' : `; Temporal UI: ${session.uiAddress}`;
    const guest = session.stack === undefined && session.server.kind === 'local' ? await stayWithStack(home) : undefined;
    const display = openDisplay(output, `run ${run} on ${session.server.address}${ui}`);
    await warnOfIdleQueues(session, output);
    const end = await follow({ session, home, record, display, interrupt: interrupt.signal, homeOption });
    guest?.leave();
    if (end.kind === 'closed') {
      const code = await summarize({ home, run, outcome: end.outcome, output, homeOption });
      await waitForGuests({ session, output, interrupt: interrupt.signal });
      return code;
    }
    return await afterStopping({ session, run, end, output, homeOption });
  } finally {
    await session?.connection.close();
    if (session?.stack !== undefined) await session.stack.stop();
    interrupt.release();
  }
}

interface Stopped {
  readonly session: Session;
  readonly run: string;
  readonly end: Exclude<FollowEnd, { kind: 'closed' }>;
  readonly output: Output;
  readonly homeOption: string;
}

async function afterStopping({ session, run, end, output, homeOption }: Stopped): Promise<ExitCode> {
  const resume = `bliss resume ${run}${homeOption}`;
  if (end.kind === 'stack-gone') {
    const { reason } = end;
    throw new BlissError({
      code: reason?.code ?? 'ServerUnreachable',
      message: reason === undefined ? `the run ${run} stopped: the stack it was going on has ended` : `the run ${run} stopped: ${reason.message}`,
      fix: reason === undefined ? `\`${resume}\` brings up a stack of its own` : `see to that, then \`${resume}\``,
      cause: reason,
    });
  }
  if (session.stack === undefined) {
    output.note(`no longer following; the run ${run} goes on. Look again with: bliss status ${run} --follow${homeOption}`);
  } else {
    output.note('stopping: the stages save their checkpoints (Ctrl-C again ends at once)');
    await session.stack.stop();
    output.note(`stopped. Go on with: ${resume}`);
  }
  output.answer({ run, state: session.stack === undefined ? 'running' : 'stopped', digests: null, metrics: [], report: null });
  return 130;
}

/** With a stack of our own the workers are there: it has waited for them. */
async function warnOfIdleQueues(session: Session, output: Output): Promise<void> {
  if (session.stack !== undefined) return;
  const idle = await queuesWithoutWorker(session, [CPU_QUEUE, GPU_QUEUE]).catch(() => []);
  if (idle.length > 0) output.note(`no worker takes work from ${idle.join(' and ')} yet: the run waits until one is started (\`bliss dev\` on a machine that has this server configured)`);
}

const GUESTS_EVERY_MS = 1_000;

/** Other commands use our stack while it is up: it stays until their runs are through. */
async function waitForGuests({ session: { stack }, output, interrupt }: { readonly session: Session; readonly output: Output; readonly interrupt: AbortSignal }): Promise<void> {
  let said = false;
  while (stack !== undefined && stack.guests() > 0 && !interrupt.aborted) {
    if (!said) output.note('the stack stays up for another run; Ctrl-C saves and stops it');
    said = true;
    await new Promise((resolve) => setTimeout(resolve, GUESTS_EVERY_MS));
  }
}
