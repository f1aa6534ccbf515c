import type { Command } from 'commander';
import { ask, steer, withPatience } from '../steer/index.js';
import { action } from '../command.js';

export function addPause(program: Command): void {
  withPatience(program.command('pause'))
    .description('free the devices of a run; checkpoints are saved, and `bliss resume` continues the run')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string, { patience }: { readonly patience: number }) => {
        await steer({ home, run, homeOption }, (session) => {
          output.note('pausing: running stages finish their step and save a checkpoint');
          return ask({ session, run, homeOption, patienceSeconds: patience, update: 'pause', args: [] });
        });
        output.say(`the run ${run} is paused; go on with: bliss resume ${run}${homeOption}`);
        output.answer({ run, state: 'paused' });
        return 0;
      }),
    );
}
