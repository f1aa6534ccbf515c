import { InvalidArgumentError, Option, type Command } from 'commander';
import path from 'node:path';
import { configDigest } from '../../config/digest.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import { exportDataset, exportModel } from '../../lib/stages/exports/index.js';
import type { PipelineInput } from '../../workflows/types.js';
import { action, type CommandContext } from '../command.js';
import { whichSelections, whichState } from '../export/index.js';
import { finishedStages } from '../fork/index.js';
import { readJson, requireRecord } from '../runs.js';
import { listenForInterrupt } from '../signals.js';

const KINDS = ['dataset', 'model', 'scores'] as const;

interface ExportOptions {
  readonly what: (typeof KINDS)[number];
  readonly to: string;
  readonly round?: number | 'all';
  readonly arm?: string;
  readonly seed?: number;
  readonly shardSize?: number;
}

/** What was written: a line for people, an object for machines. */
interface Exported {
  readonly said: string;
  readonly answer: Readonly<Record<string, unknown>>;
}

const GIGABYTE = 1e9;

export function addExport(program: Command): void {
  program
    .command('export')
    .description('write the selected rows as a data set, only the scores of all rows, or the target after a round’s decay, for other programs')
    .argument('<run>', 'name of the run; it may still be running')
    .addOption(new Option('--what <kind>', 'dataset: the selected rows as Parquet with a dataset card, and the scores of all rows beside them; scores: only the scores; model: the target’s weights, configuration and tokenizer').choices(KINDS).makeOptionMandatory())
    .requiredOption('--to <dir>', 'folder to write; it must not exist yet')
    .option('--round <n>', 'the round, or `all` for dataset and scores (default: the last one that is finished)', roundOrAll)
    .option('--arm <name>', 'the arm (default: the one of selector bliss)')
    .option('--seed <n>', 'the seed (default: the only one)', integer('a seed', 0))
    .option('--shard-size <gigabytes>', 'largest size of one file, in 10⁹ bytes: of weights (default: 5), or of rows before compression (default: 0.5)', gigabytes)
    .action(
      action(async (context, run: string, options: ExportOptions) => {
        const { output } = context;
        const to = path.resolve(options.to);
        const interrupt = listenForInterrupt({ again: () => process.exit(130) });
        try {
          const { said, answer } = await perform(context, run, { ...options, to }, interrupt.signal);
          output.say(said);
          output.answer({ run, what: options.what, ...answer, folder: to });
          return 0;
        } catch (error) {
          if (!(error instanceof BlissError && error.code === 'Stopped')) throw error;
          output.fault('interrupted; nothing was written');
          return 130;
        } finally {
          interrupt.release();
        }
      }),
    );
}

async function perform({ home, homeOption }: CommandContext, run: string, { what, to, round, arm, seed, shardSize: shardBytes }: ExportOptions, stop: AbortSignal): Promise<Exported> {
  requireRecord(home, run);
  const folder = home.run(run);
  const input = readJson<PipelineInput>(folder.input);
  if (input === undefined) throw new BlissError({ code: 'ArtifactMissing', message: 'the run’s own input is gone, so its results cannot be found', where: folder.input, fix: `run its configuration, whose stages are found finished: bliss run ${folder.config}${homeOption}` });
  const { config } = input;
  const store = openStore({ blobs: fileBlobs({ root: home.store }) });
  const finished = await finishedStages({ home, store, input });
  const asked = { run, config, finished, arm, seed };
  const common = { store, to, stages: finished, stop, ...(shardBytes === undefined ? {} : { shardBytes }) };
  const configuration = configDigest(config);
  if (what !== 'model') {
    const chosen = whichSelections({ ...asked, round });
    const origin = { run, seed: chosen.seed, arm: chosen.arm, selection: config.selection, configuration };
    const written = await exportDataset({ ...common, what, selections: chosen.selections, corpus: chosen.corpus, origin });
    const counts = [...(written.rows === undefined ? [] : [counted(written.rows, 'row')]), ...(written.scores === undefined ? [] : [`scores of ${counted(written.scores, 'row')}`])];
    return {
      said: `${to}: ${counts.join(', ')}, of ${chosen.selections.map(({ stage }) => stage).join(', ')}`,
      answer: { stages: chosen.selections.map(({ stage, ref }) => ({ stage, digest: ref.digest })), ...written },
    };
  }
  if (round === 'all') throw new BlissError({ code: 'Usage', message: 'a model is that of one round', where: '--round', fix: `name one of 1 … ${config.rounds}` });
  const chosen = whichState({ ...asked, round });
  const { stage, state, corpus } = chosen;
  const { target: model, vocabularySize } = config.models;
  const origin = { run, seed: chosen.seed, arm: chosen.arm, round: chosen.round, stage, configuration: { sha256: configuration } };
  await exportModel({ ...common, state, corpus, model, vocabularySize, sequenceLength: config.data.sequenceLength, origin });
  return { said: `${to}: the target after ${stage}`, answer: { stage, digest: state.digest } };
}

function roundOrAll(text: string): number | 'all' {
  return text === 'all' ? text : integer('a round', 1)(text);
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
