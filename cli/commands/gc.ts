import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { collectGarbage, fileBlobs, openStore, type Garbage } from '../../lib/artifacts/index.js';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { configuredServer } from '../../workers/connection.js';
import { lockHome } from '../../workers/home-lock.js';
import { LOCAL_NAMESPACE } from '../../workers/temporal-server.js';
import { action } from '../command.js';
import type { Output } from '../output.js';
import { readRecord } from '../runs.js';
import { eventNotes } from '../session.js';
import { usedArtifacts } from '../used-artifacts.js';

export function addGc(program: Command): void {
  program
    .command('gc')
    .description('remove results and checkpoints that no run of the home refers to; to give up a run, remove its folder first')
    .option('--dry-run', 'only show what would be removed')
    .action(
      action(async ({ home, output }, { dryRun = false }: { readonly dryRun?: boolean }) => {
        const { garbage, open } = dryRun || !existsSync(home.store) ? await collect(home, true) : await whileNobodyWorks({ home, output }, () => collect(home, false));
        const { artifacts, checkpoints, notes, refs } = garbage;
        const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
        output.say(`${dryRun ? 'would remove' : 'removed'} ${counted(artifacts.count, 'result')} of stages (${megabytes(artifacts.bytes)}) and checkpoints of ${counted(checkpoints.count, 'run')} (${megabytes(checkpoints.bytes)})${open === 0 ? '' : `; nothing of ${counted(open, 'run')} that ${open === 1 ? 'has' : 'have'} not ended`}`);
        output.answer({ dryRun, artifacts, checkpoints, notes, refs });
        return 0;
      }),
    );
}

async function collect(home: Home, dryRun: boolean): Promise<{ readonly garbage: Garbage; readonly open: number }> {
  const blobs = fileBlobs({ root: home.store });
  const { runs, artifacts: used, open, keepEvery } = await usedArtifacts({ home, store: openStore({ blobs }) });
  const elsewhere = [...open].filter((run) => configuredServer() !== undefined || readRecord(home, run)?.server === 'configured');
  if (!dryRun && elsewhere.length > 0) {
    throw new BlissError({ code: 'Usage', message: `workers of the configured server may be at work on ${elsewhere.join(', ')}`, fix: 'end these runs first, or look with --dry-run' });
  }
  return { garbage: await collectGarbage({ blobs, runs, used, open, keepEvery, dryRun }), open: open.size };
}

/** Holds the home as a stack does: none is up, and none comes up meanwhile. @throws BlissError HomeInUse */
async function whileNobodyWorks<T>({ home, output }: { readonly home: Home; readonly output: Output }, main: () => Promise<T>): Promise<T> {
  const lock = await lockHome({
    home,
    info: { pid: process.pid, started: new Date().toISOString(), namespace: LOCAL_NAMESPACE, temporary: true },
    ...(configuredServer() === undefined ? {} : { onNoLocks: (reason: string) => eventNotes(output)({ name: 'home', what: 'unlocked', how: reason }) }),
  });
  try {
    return await main();
  } finally {
    await lock.release();
  }
}
