import { modelOf } from '../config/sections/model-of.js';
import type { WhichModel } from '../config/sections/models.js';
import type { Ref } from '../lib/artifacts/types.js';
import type { TrainingInput } from '../lib/stages/types.js';
import { type ArmStart, divergenceOf, runArm, type SeedContext, seedOfChance, trainingRuntime } from './arm/index.js';
import { MODELS, warmedUp } from './plan.js';
import { importing, prepare, selection } from './plain-stages.js';
import { warmUp } from './training.js';

/** One seed's comparison: prepare, the two warm-ups side by side, or the import of given weights in a warm-up's place, then every arm.  @see method §4 */
export async function runSeed(context: SeedContext): Promise<void> {
  const { board, together, input, seed } = context;
  const { config } = input;
  const place = (stage: string) => ({ stage: `seed-${seed}/${stage}`, seed, arm: null, round: null });

  const corpus = await board.runOne({
    name: 'prepare',
    workflow: prepare,
    place: place('prepare'),
    summary: 'tokenise, pack and shard the corpus',
    input: {
      input: {
        data: config.data,
        tokenizer: config.tokenizer,
        heldOut: config.heldOut,
        vocabularySize: config.models.vocabularySize,
        groups: config.rounds + 1,
        seed: String(config.data.shuffleSeed === 'run' ? seed : config.data.shuffleSeed),
        configFolder: input.configFolder,
      },
    },
  });
  const drawn = warmedUp(config).length === 0 ? undefined : await board.runOne({
    name: 'selection',
    workflow: selection,
    place: place('warm-up/selection'),
    summary: 'uniform rows of group 0 for the warm-ups',
    input: {
      input: { selector: 'random', fraction: config.warmUp.fraction, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: `${seedOfChance(config.selection, seed)}/warm-up` },
    },
  });
  const [proxy, target] = await together.all(
    MODELS.map((which) => () => {
      const { from } = config.models[which];
      if (from !== undefined) {
        return board.runOne({
          name: 'importing',
          workflow: importing,
          place: place(`import/${which}`),
          summary: `take the ${which}'s weights from ${from}`,
          input: { input: { model: modelOf(config.models[which]), vocabularySize: config.models.vocabularySize, which, folder: from, configFolder: input.configFolder } },
        });
      }
      return board.runOne({
        name: 'training',
        workflow: warmUp,
        place: place(`warm-up/${which}`),
        summary: `warm up the ${which}`,
        input: { input: warmUpInput(context, which, drawn?.ref) },
      });
    }),
  );
  const shards = corpus.summary['shards'];
  const start: ArmStart = { corpus: corpus.ref, shards: Array.isArray(shards) ? shards.map(Number) : [], proxy: proxy.ref, target: target.ref };
  await together.all(config.comparison.arms.map((arm) => () => runArm(context, arm, start)));
}

function warmUpInput({ input, seed }: SeedContext, which: WhichModel, rows: Ref | undefined): TrainingInput {
  if (rows === undefined) throw new RangeError(`no rows are drawn for the warm-up of the ${which}`);
  const { config } = input;
  const { warmUp: section } = config;
  return {
    purpose: 'warm-up',
    model: modelOf(config.models[which]),
    vocabularySize: config.models.vocabularySize,
    sequenceLength: config.data.sequenceLength,
    selection: rows,
    start: { seed: `${seed}/${which}` },
    steps: section.steps,
    batchSize: section.batchSize,
    ...(section.microBatchSize === undefined ? {} : { microBatchSize: section.microBatchSize }),
    schedule: { type: 'wsd', peak: section.peakLearningRate, warmUpSteps: section.warmUpSteps },
    gradientClip: section.gradientClip,
    adam: section.adam,
    checkpointEvery: config.pretraining.checkpointEvery,
    ...divergenceOf(config),
    ...trainingRuntime(config),
    seed: `${seed}/${which}`,
  };
}
