import type { Command } from 'commander';
import { runChecks } from '../doctor/index.js';
import { action } from '../command.js';
import { columns } from '../format.js';

const MARK = { ok: 'ok', warning: 'hm', missing: '--' } as const;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show what was found on this machine, and how to fix what is missing; the exit code is 1 if a run would fail')
    .action(
      action(async ({ home, output }) => {
        const checks = await runChecks(home);
        const lines = columns(checks.map(({ name, state, found, fix }) => [MARK[state], name, fix === undefined ? found : `${found}; fix: ${fix}`]));
        const fine = checks.every(({ state }) => state !== 'missing');
        output.say([...lines, '', fine ? 'a run would go' : 'a run would fail: fix what is marked --'].join('\n'));
        output.answer({ ok: fine, checks });
        return fine ? 0 : 1;
      }),
    );
}
