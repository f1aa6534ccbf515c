import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunConfig } from '../../../config/schema.js';
import { digestJson, digestTensors } from '../../artifacts/index.js';
import { createModel, flopsPerToken, parameterCount, writeSafetensors } from '../../models/index.js';
import { openCorpus, readJson } from '../contents/index.js';
import { throwIfStopped } from '../execution/index.js';
import { readArrays } from '../state.js';
import type { OpenRater, RatingStage } from '../types.js';

/** of the validation passages that go through the model at once */
const BATCH = 32;
const WEIGHTS_FILE = 'weights.safetensors';
/** the mean of the passages' unit vectors, float64 as JSON */
const REFERENCE_FILE = 'reference.json';

/**
 * Similarity of representations: cosine of a row's last hidden state, at its last token, with those of the validation passages, the mean over them. That is one
 * inner product with the mean of the passages' unit vectors. Nothing of it changes from round to round.  @see method §9
 */
export const repsim: RatingStage<'repsim'> = {
  name: 'repsim',
  version: 1,
  run: async ({ model, vocabularySize, sequenceLength, corpus: ref, proxy, compiler: mode }, context) => {
    const passages = await (await openCorpus(context.store, ref)).heldOut('validation');
    const weights = await readArrays(await context.store.open(proxy), WEIGHTS_FILE);
    await context.phase('compiling');
    const program = await context.programs.representation({ model, vocabularySize, sequenceLength, batchSize: BATCH, mode });
    program.setState(weights);
    const sum = new Float64Array(model.width);
    for (let start = 0; start < passages.length; start += BATCH) {
      const some = passages.slice(start, start + BATCH);
      const ids = new Int32Array(BATCH * sequenceLength);
      some.forEach(({ tokens }, i) => ids.set(tokens, i * sequenceLength));
      const units = program.represent({ ids, positions: Array.from({ length: BATCH }, (_, i) => (some[i]?.length ?? 1) - 1) });
      some.forEach((_, i) => sum.forEach((_sum, k) => (sum[k] += units[i * model.width + k])));
      const done = start + some.length;
      await context.progress({ step: done, of: passages.length, amount: { value: done, unit: 'rows' } });
      throwIfStopped(context); // nothing is saved on the way: one forward pass of the validation set
    }
    const reference = Array.from(sum, (value) => value / passages.length);
    const shapes = createModel(model).shapes(vocabularySize);
    await writeSafetensors({ path: path.join(context.scratch, WEIGHTS_FILE), arrays: weights, shapes });
    await writeFile(path.join(context.scratch, REFERENCE_FILE), JSON.stringify(reference));
    return { kind: 'representations', folder: context.scratch, digest: digestJson({ weights: digestTensors(weights, shapes), reference }), summary: { passages: passages.length } };
  },
  work: ({ heldOut, models, data: { sequenceLength } }: RunConfig) => {
    const { proxy: model, vocabularySize } = models;
    return { amount: heldOut.validation, unit: 'rows', flops: heldOut.validation * sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward, bytes: 4 * parameterCount(createModel(model).shapes(vocabularySize)) };
  },
  openRater: (from) => byRepresentation(from),
};

const byRepresentation: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, compiler: mode } = input;
  const reference = await readJson<readonly number[]>(scorer, REFERENCE_FILE);
  await context.phase('compiling');
  const program = await context.programs.representation({ model, vocabularySize, sequenceLength, batchSize, mode });
  program.setState(await readArrays(scorer, WEIGHTS_FILE));
  const positions = new Array<number>(batchSize).fill(sequenceLength - 1);
  return (tokens) => {
    const units = program.represent({ ids: tokens, positions });
    return Float32Array.from({ length: batchSize }, (_, i) => reference.reduce((sum, value, k) => sum + value * units[i * model.width + k], 0));
  };
};
