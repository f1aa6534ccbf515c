import path from 'node:path';
import type { RunConfig } from '../../../config/schema.js';
import { digestJson, digestTensors } from '../../artifacts/index.js';
import { createModel, flopsPerToken, parameterCount, writeSafetensors } from '../../models/index.js';
import { groupOf } from '../../programs/index.js';
import type { NamedArrays } from '../../tensor/index.js';
import { openCorpus } from '../contents/index.js';
import { throwIfStopped } from '../execution/index.js';
import { readArrays } from '../state.js';
import { flattenHeldOut } from '../steps/index.js';
import type { OpenRater, RatingStage } from '../types.js';

const WEIGHTS_FILE = 'weights.safetensors';
/** the mean of the passages' gradients, each brought to norm 1 */
const REFERENCE_FILE = 'reference.safetensors';

/**
 * Similarity of gradients: cosine of the gradient of a row's loss with those of the validation passages', the mean over them, at the warmed-up proxy. That is one
 * inner product with the mean of the passages' unit gradients, exact: no projection. Nothing of it changes from round to round.  @see method §9
 */
export const gradsim: RatingStage<'gradsim'> = {
  name: 'gradsim',
  version: 1,
  run: async ({ model, vocabularySize, sequenceLength, validationLoss, corpus: ref, proxy, compiler: mode }, context) => {
    const passages = await (await openCorpus(context.store, ref)).heldOut('validation');
    const weights = await readArrays(await context.store.open(proxy), WEIGHTS_FILE);
    await context.phase('compiling');
    const program = await context.programs.gradient({ model, vocabularySize, sequenceLength, mode });
    program.setState(program.fresh({ params: weights }));
    for (const [i, passage] of passages.entries()) {
      program.gather(flattenHeldOut([passage], sequenceLength, validationLoss));
      await context.progress({ step: i + 1, of: passages.length, amount: { value: i + 1, unit: 'rows' } });
      throwIfStopped(context); // nothing is saved on the way: one gradient of each passage
    }
    const reference: NamedArrays = Object.fromEntries(Object.entries(groupOf(program.getState(), 'reference')).map(([name, sum]) => [name, Float32Array.from(sum, (value) => value / passages.length)]));
    const shapes = createModel(model).shapes(vocabularySize);
    await writeSafetensors({ path: path.join(context.scratch, WEIGHTS_FILE), arrays: weights, shapes });
    await writeSafetensors({ path: path.join(context.scratch, REFERENCE_FILE), arrays: reference, shapes });
    return { kind: 'gradients', folder: context.scratch, digest: digestJson({ weights: digestTensors(weights, shapes), reference: digestTensors(reference, shapes) }), summary: { passages: passages.length } };
  },
  work: ({ heldOut, models, data: { sequenceLength } }: RunConfig) => {
    const { proxy: model, vocabularySize } = models;
    return { amount: heldOut.validation, unit: 'rows', flops: 3 * heldOut.validation * sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward, bytes: 8 * parameterCount(createModel(model).shapes(vocabularySize)) };
  },
  openRater: (from) => byGradient(from),
  passes: 3,
};

const byGradient: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, compiler: mode } = input;
  await context.phase('compiling');
  const program = await context.programs.gradient({ model, vocabularySize, sequenceLength, mode });
  program.setState({ ...inGroup('params', await readArrays(scorer, WEIGHTS_FILE)), ...inGroup('reference', await readArrays(scorer, REFERENCE_FILE)) });
  const mask = new Float32Array(sequenceLength).fill(1, 1);
  return (tokens, { ids }) => Float32Array.from({ length: batchSize }, (_, i) => (i < ids.length ? program.compare({ ids: tokens.slice(i * sequenceLength, (i + 1) * sequenceLength), mask }) : 0));
};

const inGroup = (group: string, arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${group}/${name}`, array]));
