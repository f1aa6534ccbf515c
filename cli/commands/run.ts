import type { Command } from 'commander';
import { loadConfig } from '../../config/index.js';
import { action } from '../command.js';
import { checkInputs, checkNotices } from '../inputs/index.js';
import { checkFreeName, submitRun } from '../submit/index.js';

interface RunOptions {
  readonly name?: string;
  readonly set: readonly string[];
  readonly detach?: boolean;
  readonly fresh?: boolean;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('submit a run and follow it; if no server is running or configured, start the local stack and end it after the run')
    .argument('<config>', 'YAML file of a run, or the name of a preset')
    .option('--name <run>', 'name of the run (default: the name in the configuration and a number)')
    .option('--set <field=value>', 'set one field of the configuration: --set pretraining.steps=200; may be given several times', (value: string, before: readonly string[]) => [...before, value], [])
    .option('--detach', 'leave the run in the background')
    .option('--fresh', 'compute every stage: take no finished stages of other runs')
    .action(
      action(async (context, source: string, options: RunOptions) => {
        const loaded = loadConfig({ source, overrides: options.set });
        await checkInputs({ ...loaded, home: context.home });
        await checkNotices({ ...context, notices: loaded.config.notices });
        checkFreeName(context.home, options.name);
        return submitRun({ context, loaded, ...options });
      }),
    );
}
