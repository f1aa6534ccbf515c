import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { serverFault } from '../../workers/server-fault.js';
import { readOutcome, requireRecord } from '../runs.js';
import { peekSession, type Session } from '../session.js';
import { settle } from '../follow/index.js';

export interface SteerInput {
  readonly home: Home;
  readonly run: string;
  /** `--home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
}

/**
 * Does something to a run that is going on, on the server where it does.
 * @throws BlissError Usage where the run has ended; ServerUnreachable where nothing of it is up; what the server refuses
 */
export async function steer<T>({ home, run, homeOption }: SteerInput, what: (session: Session) => Promise<T>): Promise<T> {
  requireRecord(home, run);
  const outcome = readOutcome(home.run(run));
  if (outcome !== undefined) throw hasEnded(run, outcome.state, homeOption);
  const session = await peekSession({ home, mustAnswer: true });
  if (session === undefined) {
    throw new BlissError({ code: 'ServerUnreachable', message: `nothing of the run ${run} is going on: no stack is up on this home, and no server answers`, fix: `go on with it by \`bliss resume ${run}${homeOption}\`, or set TEMPORAL_ADDRESS` });
  }
  try {
    const settled = await settle({ session, home, run });
    if (settled.kind === 'missing') throw new BlissError({ code: 'Usage', message: `the server at ${session.server.address} knows no run '${run}'`, fix: `start it there by \`bliss resume ${run}${homeOption}\`` });
    if (settled.kind === 'closed') throw hasEnded(run, settled.outcome.state, homeOption);
    return await what(session);
  } catch (error) {
    throw serverFault({ error, server: session.server }) ?? error;
  } finally {
    await session.connection.close();
  }
}

function hasEnded(run: string, state: string, homeOption: string): BlissError {
  const fix = state === 'done' ? `look at it by \`bliss status ${run}${homeOption}\`` : `go on with it by \`bliss resume ${run}${homeOption}\``;
  return new BlissError({ code: 'Usage', message: `the run ${run} has ended (${state})`, fix });
}
