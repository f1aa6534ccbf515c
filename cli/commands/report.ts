import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { fileBlobs, openStore, writeFileAtomic } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import type { PipelineInput } from '../../workflows/types.js';
import { apart } from '../apart/apart.js';
import { action } from '../command.js';
import { readJson, readOutcome, requireRecord } from '../runs.js';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('write the report of a finished run again from its artifacts, and print where it is')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string) => {
        requireRecord(home, run);
        const folder = home.run(run);
        const outcome = readOutcome(folder);
        const input = readJson<PipelineInput>(folder.input);
        if (outcome?.result === undefined || input === undefined) {
          const ended = outcome !== undefined;
          throw new BlissError({
            code: 'ArtifactMissing',
            message: `the run ${run} has no report: ${ended ? 'it ended before it was done' : 'it is not finished'}`,
            where: folder.report,
            fix: ended ? `bliss resume ${run}${homeOption}` : `see how far it is: bliss status ${run}${homeOption}`,
          });
        }
        const store = openStore({ blobs: fileBlobs({ root: home.store }) });
        const stages = await readFinishedStages({ store, ref: outcome.result.report });
        const timings = (existsSync(folder.timings) ? await readFile(folder.timings, 'utf8') : '').split('\n').filter((line) => line !== ''); // the report says what lacks a line
        await writeFileAtomic(folder.report, await apart('report', { home: home.root, run, config: input.config, stages, timings, ...(input.forked === undefined ? {} : { forked: input.forked }), ...(outcome.result.failed === undefined ? {} : { failed: outcome.result.failed }) }));
        output.say(folder.report);
        output.answer({ run, report: folder.report });
        return 0;
      }),
    );
}
