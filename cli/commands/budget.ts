import { InvalidArgumentError, type Command } from 'commander';
import { ask, steer, withPatience } from '../steer/index.js';
import { action } from '../command.js';
import { requireRecord, writeJson } from '../runs.js';
import { counted } from '../../lib/counted.js';

export function addBudget(program: Command): void {
  withPatience(program.command('budget'))
    .description('pause a run at a checkpoint when it has used that many device-hours; with a higher budget it continues')
    .argument('<run>', 'name of the run')
    .requiredOption('--gpu-hours <n>', 'hours of all devices together since the run began, or `none` for no budget', hours)
    .action(
      action(async ({ home, output, homeOption }, run: string, { gpuHours: given, patience }: { readonly gpuHours: number | 'none'; readonly patience: number }) => {
        const gpuHours = given === 'none' ? null : given;
        await steer({ home, run, homeOption }, (session) => {
          // for an execution that follows, after a cancel: before the run hears of it, as a kill in between would lose it. The run refuses nothing that got here
          const { gpuHours: _before, ...record } = requireRecord(home, run);
          writeJson(home.run(run).record, { ...record, ...(gpuHours === null ? {} : { gpuHours }) });
          return ask({ session, run, homeOption, patienceSeconds: patience, update: 'budget', args: [gpuHours] });
        });
        output.say(gpuHours === null ? `the run ${run} has no budget any more` : `the run ${run} pauses after ${counted(gpuHours, 'device-hour')}; where it had paused for that, it goes on`);
        output.answer({ run, gpuHours });
        return 0;
      }),
    );
}

function hours(text: string): number | 'none' {
  if (text === 'none') return text;
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('hours are a number above 0, or none');
  return value;
}
