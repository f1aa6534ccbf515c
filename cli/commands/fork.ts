import { loadConfig, type LoadedConfig } from '../../config/index.js';
import type { Command } from 'commander';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import type { PipelineInput } from '../../workflows/types.js';
import { apart } from '../apart/apart.js';
import { action } from '../command.js';
import { checkInputs, checkNotices } from '../inputs/index.js';
import { takeStages } from '../fork/index.js';
import { readJson, requireRecord } from '../runs.js';
import { checkFreeName, submitRun } from '../submit/index.js';

interface ForkOptions {
  readonly from: string;
  readonly name?: string;
  readonly set: readonly string[];
  readonly detach?: boolean;
  readonly fresh?: boolean;
  readonly dryRun?: boolean;
}

export function addFork(program: Command): void {
  program
    .command('fork')
    .description('start a new run that takes over everything that another run has before a stage, and goes on from there with other settings')
    .argument('<run>', 'name of the other run; it may still be running')
    .requiredOption('--from <stage>', 'the first stage that the new run computes itself, in every seed and arm: round-2/selection')
    .option('--name <run>', 'name of the new run (default: the name in the configuration and a number)')
    .option('--set <field=value>', 'set one field of the configuration, as in `bliss run`; may be given several times', (value: string, before: readonly string[]) => [...before, value], [])
    .option('--detach', 'leave the run in the background')
    .option('--fresh', 'compute every stage from there on: take no finished stages of other runs')
    .option('--dry-run', 'only show what it would do, as `bliss plan` does')
    .action(
      action(async (context, other: string, options: ForkOptions) => {
        const { home, output } = context;
        requireRecord(home, other);
        const folder = home.run(other);
        const input = readJson<PipelineInput>(folder.input);
        if (input === undefined) throw new BlissError({ code: 'ArtifactMissing', message: 'the run’s own input is gone, so nothing can be forked from it', where: folder.input, fix: `run its configuration: bliss run ${folder.config}` });
        const loaded = { ...loadOther({ run: other, file: folder.config, overrides: options.set }), configFolder: input.configFolder };
        await checkInputs({ ...loaded, home });
        await checkNotices({ home, output, notices: loaded.config.notices });
        checkFreeName(home, options.name);
        const taken = await takeStages({ home, input, config: loaded.config, from: options.from });
        if (options.dryRun === true) {
          const { plan, text } = await apart('plan', { home: home.root, loaded, taken });
          output.say(text);
          output.answer(plan);
          return 0;
        }
        output.note(`${counted(taken.stages.length, 'stage')} ${taken.stages.length === 1 ? 'is that' : 'are those'} of ${other}`);
        return submitRun({ context, loaded, taken, ...options });
      }),
    );
}

/** The other run's configuration, which may be of an earlier version. @throws BlissError ConfigInvalid */
function loadOther({ run, file, overrides }: { readonly run: string; readonly file: string; readonly overrides: readonly string[] }): LoadedConfig {
  try {
    return loadConfig({ source: file, overrides });
  } catch (error) {
    if (!(error instanceof BlissError) || error.code !== 'ConfigInvalid') throw error;
    const { code, sentence: message, list, where, fix } = error;
    throw new BlissError({ code, message, list, ...(where === undefined ? {} : { where }), fix: `${fix === undefined ? '' : `${fix}; `}the file is that of ${run}: give the fork its own value by --set FIELD=VALUE`, cause: error });
  }
}
