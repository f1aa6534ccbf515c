import type { BlissError } from '../../lib/errors.js';
import type { Home, RunRecord } from '../../lib/home.js';
import { askStack } from '../../workers/home-lock.js';
import { type Display, stateOf, troublesOf, viewRun, type ViewRun } from '../view/index.js';
import type { RunOutcome } from '../runs.js';
import type { Session } from '../session.js';
import { settle } from './settle.js';

export type FollowEnd =
  | { readonly kind: 'closed'; readonly outcome: RunOutcome }
  | { readonly kind: 'interrupted' }
  /** the stack that kept the run going has ended; with the reason where it was ours */
  | { readonly kind: 'stack-gone'; readonly reason?: BlissError };

export interface Follow {
  readonly session: Session;
  readonly home: Home;
  readonly record: RunRecord;
  readonly display: Display;
  readonly interrupt: AbortSignal;
  /** `--home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
}

const LOOK_EVERY_MS = 500;
/** the progress files tell the rest; the server is asked only whether it is over */
const ASK_EVERY_MS = 1_000;
/** a description of the run and of each stage that goes on */
const LOOK_FOR_TROUBLES_EVERY_MS = 5_000;
const TROUBLES_TIMEOUT_MS = 4_000;
/** A server that is started again answers within a second or two; longer is worth a line. */
const SILENCE_WORTH_A_LINE_MS = 10_000;

/** Shows a run until it ends, somebody interrupts, or what kept it going is gone. A server that does not answer for a while is waited for. */
export async function follow({ session, home, record, display, interrupt, homeOption }: Follow): Promise<FollowEnd> {
  const folder = home.run(record.run);
  let gone: BlissError | undefined;
  void session.stack?.failed.then((reason) => (gone = reason));
  let answeredAt = Date.now();
  let saidSilent = false;
  let askedAt = 0;
  let lookedAt = 0;
  let told: Pick<ViewRun, 'open' | 'failures' | 'troubles'> = { open: 'running' };
  try {
    while (!interrupt.aborted) {
      if (gone !== undefined) return { kind: 'stack-gone', reason: gone };
      if (Date.now() - askedAt >= ASK_EVERY_MS) {
        askedAt = Date.now();
        const settled = await settle({ session, home, run: record.run }).catch(() => undefined);
        if (settled?.kind === 'closed') return { kind: 'closed', outcome: settled.outcome };
        if (settled?.kind === 'open') told = { ...told, open: stateOf(settled), failures: settled.failures };
        if (settled?.kind === 'open' && Date.now() - lookedAt >= LOOK_FOR_TROUBLES_EVERY_MS) {
          lookedAt = Date.now();
          told = { ...told, troubles: await session.connection.withDeadline(Date.now() + TROUBLES_TIMEOUT_MS, () => troublesOf(session, record.run)).catch(() => undefined) };
        }
        if (settled !== undefined) {
          answeredAt = Date.now();
          if (saidSilent) display.note('the Temporal server answers again');
          saidSilent = false;
        } else if (await stackIsGone(session, home)) {
          return { kind: 'stack-gone' };
        } else if (!saidSilent && Date.now() - answeredAt > SILENCE_WORTH_A_LINE_MS) {
          display.note(`the Temporal server at ${session.server.address} does not answer; waiting for it`);
          saidSilent = true;
        }
      }
      display.show(viewRun({ record, folder, ...told, homeOption }));
      await pause(LOOK_EVERY_MS, interrupt);
    }
    return { kind: 'interrupted' };
  } finally {
    display.show(viewRun({ record, folder, ...told, open: interrupt.aborted && session.stack !== undefined ? 'stopped' : 'running', homeOption }));
    display.end();
  }
}

/** Ours says so itself; a configured server is nobody's stack. */
const stackIsGone = async (session: Session, home: Home): Promise<boolean> => session.stack === undefined && session.server.kind === 'local' && (await askStack(home)) === undefined;

function pause(ms: number, interrupt: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      interrupt.removeEventListener('abort', done);
      resolve();
    }
    interrupt.addEventListener('abort', done, { once: true });
    if (interrupt.aborted) done();
  });
}
