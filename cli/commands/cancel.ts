import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { steer, whileWorked, withPatience } from '../steer/index.js';
import { action } from '../command.js';
import { readOutcome, type RunOutcome } from '../runs.js';
import type { Session } from '../session.js';
import { settle } from '../follow/index.js';

/** Stages save a checkpoint first; one that compiles hears of it when it has compiled. */
const PATIENCE_MS = 300_000;
const LOOK_EVERY_MS = 300;

export function addCancel(program: Command): void {
  withPatience(program.command('cancel'))
    .description('end a run; checkpoints are saved, and `bliss resume` continues the run from them')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string, { patience }: { readonly patience: number }) => {
        const state = await steer({ home, run, homeOption }, async (session) => {
          output.note('cancelling: running stages finish their step and save a checkpoint');
          await session.client.workflow.getHandle(run).cancel();
          return whileWorked({ session, run, homeOption, patienceSeconds: patience, until: closed({ session, home, run, homeOption }) });
        });
        output.say(`the run ${run} ${state === 'cancelled' ? 'is cancelled' : `has ended (${state})`}; go on with: bliss resume ${run}${homeOption}`);
        output.answer({ run, state });
        return 0;
      }),
    );
}

async function closed({ session, home, run, homeOption }: { readonly session: Session; readonly home: Home; readonly run: string; readonly homeOption: string }): Promise<RunOutcome['state']> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    // whoever runs it in the foreground hears of the end first, writes it down and closes the server: no answer, and the outcome is there
    const settled = await settle({ session, home, run }).catch((error: unknown) => {
      const outcome = readOutcome(home.run(run));
      if (outcome === undefined) throw error;
      return { kind: 'closed', outcome } as const;
    });
    if (settled.kind === 'closed') return settled.outcome.state;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new BlissError({ code: 'ServerUnreachable', message: `the run ${run} was told to end and has not ended within ${PATIENCE_MS / 1000} s: its workers are still busy`, fix: `look at it with \`bliss status ${run}${homeOption}\`` });
}
