import type { Command } from 'commander';
import { loadConfig } from '../../config/index.js';
import { apart } from '../apart/apart.js';
import { action } from '../command.js';
import { checkInputs, checkNotices } from '../inputs/index.js';

export function addPlan(program: Command): void {
  program
    .command('plan')
    .description('show what a run would find finished, what it would compute and why, with FLOPs, and with time where this home has measured such stages')
    .argument('<config>', 'YAML file of a run, or the name of a preset')
    .option('--set <field=value>', 'set one field of the configuration, as in `bliss run`; may be given several times', (value: string, before: readonly string[]) => [...before, value], [])
    .action(
      action(async ({ home, output }, source: string, { set }: { readonly set: readonly string[] }) => {
        const loaded = loadConfig({ source, overrides: set });
        await checkInputs({ ...loaded, home });
        await checkNotices({ home, output, notices: loaded.config.notices });
        const { plan, text } = await apart('plan', { home: home.root, loaded });
        output.say(text);
        output.answer(plan);
        return 0;
      }),
    );
}
