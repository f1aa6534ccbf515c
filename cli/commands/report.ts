import type { Command } from 'commander';
import { writeFileAtomic } from '../../lib/artifacts/index.js';
import { apart } from '../apart/apart.js';
import { action } from '../command.js';
import { openFinishedRun } from '../finished-run.js';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('write the report of a finished run again from its artifacts, and print where it is')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string) => {
        const { report } = home.run(run);
        await writeFileAtomic(report, await apart('report', { home: home.root, ...(await openFinishedRun({ home, run, homeOption })) }));
        output.say(report);
        output.answer({ run, report });
        return 0;
      }),
    );
}
