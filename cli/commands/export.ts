import { InvalidArgumentError, Option, type Command } from 'commander';
import path from 'node:path';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { exportModel } from '../../lib/stages/export-model.js';
import type { PipelineInput } from '../../workflows/types.js';
import { action } from '../command.js';
import { whichState } from '../export/which-state.js';
import { finishedStages } from '../fork/finished.js';
import { readJson, requireRecord } from '../runs.js';

interface ExportOptions {
  readonly what: 'model';
  readonly to: string;
  readonly round?: number;
  readonly arm?: string;
  readonly seed?: number;
  readonly shardSize?: number;
}

const GIGABYTE = 1e9;

export function addExport(program: Command): void {
  program
    .command('export')
    .description('write what a run has made for other programs: the target after a round’s decay as a Hugging Face folder')
    .argument('<run>', 'name of the run; it may still be going on')
    .addOption(new Option('--what <kind>', 'model: the target’s weights, configuration and tokenizer').choices(['model']).makeOptionMandatory())
    .requiredOption('--to <dir>', 'folder to write, which must not be there')
    .option('--round <n>', 'after which round (default: the last whose decay is finished)', integer('a round', 1))
    .option('--arm <name>', 'of which arm (default: the one of selector bliss)')
    .option('--seed <n>', 'of which seed (default: the only one)', integer('a seed', 0))
    .option('--shard-size <gigabytes>', 'most that one file of weights holds, in 10⁹ bytes (default: 5)', gigabytes)
    .action(
      action(async ({ home, output, homeOption }, run: string, { what, to, round, arm, seed, shardSize }: ExportOptions) => {
        requireRecord(home, run);
        const folder = home.run(run);
        const input = readJson<PipelineInput>(folder.input);
        if (input === undefined) throw new BlissError({ code: 'ArtifactMissing', message: 'the run’s own input is gone, so its results cannot be found', where: folder.input, mend: `run its configuration, whose stages are found finished: bliss run ${folder.config}${homeOption}` });
        const { config } = input;
        const store = openStore({ blobs: fileBlobs({ root: home.store }) });
        const chosen = whichState({ run, config, finished: await finishedStages({ home, store, input }), round, arm, seed });
        const target = path.resolve(to);
        await exportModel({
          store,
          state: chosen.state,
          corpus: chosen.corpus,
          model: config.models.target,
          vocabularySize: config.models.vocabularySize,
          sequenceLength: config.data.sequenceLength,
          to: target,
          origin: { run, stage: chosen.stage },
          ...(shardSize === undefined ? {} : { shardBytes: shardSize }),
        });
        output.say(`${target}: the target after ${chosen.stage}`);
        output.answer({ run, what, stage: chosen.stage, digest: chosen.state.digest, folder: target });
        return 0;
      }),
    );
}

function integer(what: string, least: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`${what} is an integer from ${least}`);
  };
}

function gigabytes(text: string): number {
  const size = Number(text) * GIGABYTE;
  if (size > 0 && Number.isFinite(size)) return size;
  throw new InvalidArgumentError('a size is a number of gigabytes above 0');
}
