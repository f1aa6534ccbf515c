import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { apart } from '../apart/apart.js';
import { action } from '../command.js';
import { comparedAnswer, comparedText } from '../compare/index.js';
import { openFinishedRun, type FinishedRun } from '../finished-run.js';

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('compare the arms side by side: gains, intervals and costs; of several runs of one configuration over the seeds of all of them')
    .argument('<run...>', 'names of finished runs that differ in their seeds alone')
    .option('--to <file>', 'write the report of all these runs as one, too: an HTML file that is not there yet')
    .action(
      action(async ({ home, output, homeOption }, names: readonly string[], { to }: { readonly to?: string }) => {
        const file = to === undefined ? undefined : path.resolve(to);
        if (file !== undefined && existsSync(file)) throw new BlissError({ code: 'Usage', message: `${file} is there already`, where: '--to', fix: 'name another file' });
        if (file !== undefined && !existsSync(path.dirname(file))) throw new BlissError({ code: 'Usage', message: `there is no folder ${path.dirname(file)}`, where: '--to', fix: 'make it, or name another' });
        const runs: FinishedRun[] = [];
        for (const run of names) runs.push(await openFinishedRun({ home, run, homeOption }));
        const { compared, report } = await apart('compare', { home: home.root, runs, report: file !== undefined });
        if (file !== undefined && report !== undefined) await writeFileAtomic(file, report);
        const told = { runs: runs.map(({ run, config }) => ({ run, seeds: config.seeds })), compared };
        output.say([...comparedText(told), ...(file === undefined ? [] : [file])].join('\n'));
        output.answer({ ...comparedAnswer(told), ...(file === undefined ? {} : { report: file }) });
        return 0;
      }),
    );
}
