import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import { action } from '../command.js';
import { readOutcome, requireRecord } from '../runs.js';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('say where the report of a finished run is')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string) => {
        requireRecord(home, run);
        const folder = home.run(run);
        if (!existsSync(folder.report)) {
          const ended = readOutcome(folder) !== undefined;
          throw new BlissError({
            code: 'ArtifactMissing',
            message: `the run ${run} has no report: ${ended ? 'it ended before it was done' : 'it is not finished'}`,
            where: folder.report,
            mend: ended ? `bliss resume ${run}${homeOption}` : `see how far it is: bliss status ${run}${homeOption}`,
          });
        }
        output.say(folder.report);
        output.answer({ run, report: folder.report });
        return 0;
      }),
    );
}
