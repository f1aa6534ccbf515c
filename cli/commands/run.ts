import type { Command } from 'commander';
import { loadConfig } from '../../config/index.js';
import { action } from '../command.js';
import { checkInputs } from '../check-inputs.js';
import { inBackground } from '../background.js';
import { preemptionOf } from '../preemption.js';
import { checkRunName, readRecord } from '../runs.js';
import { claimName, nameTaken, submitNew } from '../submit.js';
import { takeThrough } from '../take-through.js';

interface RunOptions {
  readonly name?: string;
  readonly set: readonly string[];
  readonly detach?: boolean;
  readonly fresh?: boolean;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('submit a run and follow it; brings the local stack up for its time if no server is configured or up')
    .argument('<config>', 'YAML file of a run, or the name of a preset')
    .option('--name <run>', 'name of the run (default: the configuration’s with a number)')
    .option('--set <field=value>', 'set one field of the configuration: --set pretraining.steps=200; may be given again', (value: string, before: readonly string[]) => [...before, value], [])
    .option('--detach', 'submit only; the run goes on in the background')
    .option('--fresh', 'compute every stage: finished stages of other runs are not taken')
    .action(
      action(async ({ home, output, homeOption }, source: string, options: RunOptions) => {
        const loaded = loadConfig({ source, overrides: options.set });
        await checkInputs({ ...loaded, home });
        if (options.name !== undefined && readRecord(home, checkRunName(options.name)) !== undefined) throw nameTaken(options.name, home.runs);
        for (const note of loaded.notes) output.note(`note: ${note}`);
        const fresh = options.fresh === true;
        const claim = (): string => claimName({ home, asked: options.name, base: loaded.config.name });
        if (options.detach === true) return inBackground({ home, output, homeOption, prepare: { claim, loaded, fresh } });
        return takeThrough({
          home,
          output,
          homeOption,
          preemption: preemptionOf(loaded),
          start: async (session) => {
            const run = claim();
            await submitNew({ session, home, run, loaded, fresh });
            return run;
          },
        });
      }),
    );
}
