import type { Command } from 'commander';
import { collectGarbage, fileBlobs } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { configuredServer } from '../../workers/connection.js';
import { askStack, homeInUse } from '../../workers/home-lock.js';
import { action } from '../command.js';
import { usedArtifacts } from '../used-artifacts.js';

export function addGc(program: Command): void {
  program
    .command('gc')
    .description('remove results and checkpoints that no run of the home refers to; a run is given up by removing its folder')
    .option('--dry-run', 'say what would go')
    .action(
      action(async ({ home, output }, { dryRun = false }: { readonly dryRun?: boolean }) => {
        const { artifacts: used, open } = usedArtifacts(home);
        if (!dryRun) {
          const stack = await askStack(home);
          if (stack !== undefined) throw homeInUse(home, stack);
          if (configuredServer() !== undefined && open.size > 0) {
            throw new BlissError({ code: 'Usage', message: `workers of the configured server may be at work on ${[...open].join(', ')}`, mend: 'end these runs first, or look with --dry-run' });
          }
        }
        const garbage = await collectGarbage({ blobs: fileBlobs({ root: home.store }), used, open, dryRun });
        const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
        const { artifacts, checkpoints, notes } = garbage;
        output.say(`${dryRun ? 'would remove' : 'removed'} ${artifacts.count} results of stages (${megabytes(artifacts.bytes)}) and checkpoints of ${checkpoints.count} runs (${megabytes(checkpoints.bytes)}); ${open.size} runs have not ended and keep theirs`);
        output.answer({ dryRun, artifacts, checkpoints, notes });
        return 0;
      }),
    );
}
