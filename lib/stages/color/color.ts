import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { colorSchema } from '../../../config/sections/color.js';
import type { RunConfig } from '../../../config/schema.js';
import type { WhichModel } from '../../../config/sections/models.js';
import { digestJson, digestTensors } from '../../artifacts/index.js';
import { createModel, flopsPerToken, parameterCount, writeSafetensors } from '../../models/index.js';
import type { NamedArrays } from '../../tensor/index.js';
import { NUMERICS_FILE } from '../contents/index.js';
import { readArrays } from '../state.js';
import type { OpenRater, RatingStage, Work } from '../types.js';
import { fineTune } from './fine-tune.js';

/**
 * CoLoR-Filter: the prior is the warmed-up proxy, or the target as the round finds it; the conditional model is the same after a short fine-tune on the
 * validation set. A row's score is its mean loss under the prior minus that under the conditional. With the proxy, nothing of it changes from round to round.
 * @see method §9
 */
const excessLoss = <Name extends 'color' | 'recolor'>(name: Name, of: WhichModel): RatingStage<Name> => ({
  name,
  version: 1,
  keyInput: ({ numerics: _policy, ...input }) => input,
  run: async (input, context) => {
    const { prior, conditional, loss, rows, numerics } = await fineTune(input, context);
    await context.phase('saving the result');
    const shapes = createModel(input.model).shapes(input.vocabularySize);
    await writeSafetensors({ path: path.join(context.scratch, PRIOR_FILE), arrays: prior, shapes });
    await writeSafetensors({ path: path.join(context.scratch, CONDITIONAL_FILE), arrays: conditional, shapes });
    await writeFile(path.join(context.scratch, NUMERICS_FILE), JSON.stringify(numerics));
    return {
      kind: 'excess-loss',
      folder: context.scratch,
      digest: digestJson({ prior: digestTensors(prior, shapes), conditional: digestTensors(conditional, shapes) }),
      summary: { steps: input.color.steps, loss, validationRows: rows },
    };
  },
  work: (config) => fineTuneWork(config, of),
  openRater: (from) => byExcessLoss(from, of),
  passes: 2,
  passesThrough: of,
});


const PRIOR_FILE = 'prior.safetensors';
const CONDITIONAL_FILE = 'conditional.safetensors';

const byExcessLoss = async ({ input, scorer, context }: Parameters<OpenRater>[0], of: WhichModel): ReturnType<OpenRater> => {
  const { models: { [of]: model, vocabularySize }, sequenceLength, batchSize, compiler: mode } = input;
  await context.phase('compiling');
  const program = await context.programs.excessLoss({ model, vocabularySize, sequenceLength, batchSize, mode });
  program.setState({ ...inGroup('prior', await readArrays(scorer, PRIOR_FILE)), ...inGroup('conditional', await readArrays(scorer, CONDITIONAL_FILE)) });
  return (tokens) => program.score(tokens).excess;
};

const inGroup = (group: string, arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${group}/${name}`, array]));

/** In forward passes of the model: 3 of each row of a step. */
function fineTuneWork({ color: section, models, data: { sequenceLength } }: RunConfig, of: WhichModel): Work {
  const { steps, batchSize } = section ?? colorSchema.parse({});
  const { vocabularySize } = models;
  const tokens = steps * batchSize * sequenceLength;
  return {
    amount: tokens,
    unit: 'tokens',
    flops: 3 * tokens * flopsPerToken({ model: models[of], vocabularySize, sequenceLength }).forward,
    bytes: 8 * parameterCount(createModel(models[of]).shapes(vocabularySize)),
  };
}

export const color = excessLoss('color', 'proxy');
export const recolor = excessLoss('recolor', 'target');
