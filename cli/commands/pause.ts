import type { Command } from 'commander';
import type { Steering } from '../../workflows/types.js';
import { action } from '../command.js';
import { steer } from '../steer.js';

export function addPause(program: Command): void {
  program
    .command('pause')
    .description('free the devices of a run: its stages save a checkpoint and let go; `bliss resume` goes on')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string) => {
        await steer({ home, run, homeOption }, (handle) => {
          output.note('pausing: running stages finish their step and save a checkpoint');
          return handle.executeUpdate<Steering, []>('pause');
        });
        output.say(`the run ${run} is paused; go on with: bliss resume ${run}${homeOption}`);
        output.answer({ run, state: 'paused' });
        return 0;
      }),
    );
}
