import { InvalidArgumentError, type Command } from 'commander';
import { ask, steer, withPatience } from '../steer/index.js';
import { action } from '../command.js';

export function addStopAfter(program: Command): void {
  withPatience(program.command('stop-after'))
    .description('end a run after a round, with a report on the rounds until then; `bliss resume` continues it with the other rounds')
    .argument('<run>', 'name of the run')
    .requiredOption('--round <n>', 'the last round', round)
    .action(
      action(async ({ home, output, homeOption }, run: string, { round: last, patience }: { readonly round: number; readonly patience: number }) => {
        await steer({ home, run, homeOption }, (session) => ask({ session, run, homeOption, patienceSeconds: patience, update: 'stopAfter', args: [last] }));
        output.say(`the run ${run} ends after round ${last}`);
        output.answer({ run, stopAfterRound: last });
        return 0;
      }),
    );
}

function round(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a round is an integer from 1');
}
