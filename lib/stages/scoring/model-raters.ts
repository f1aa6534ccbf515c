import type { OwnScores, ScoredBy } from '../../../config/tables/selectors.js';
import { BlissError } from '../../errors.js';
import { mean } from '../../mean.js';
import { uniformOf } from '../../selection/index.js';
import { openCorpus } from '../contents/index.js';
import { readRowFeatures, storedFeatures } from '../features/row-features.js';
import { readArrays } from '../state.js';
import type { OpenRater } from '../types.js';

/** The score model's logit. */
const byScoreModel: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, precision, compiler: mode } = input;
  await context.phase('compiling');
  const has = await storedFeatures(scorer);
  const program = await context.programs.scoring({ model, vocabularySize, sequenceLength, batchSize, ...(has === undefined ? {} : { features: has }), precision, mode });
  program.setState(await readArrays(scorer, 'score.safetensors'));
  if (has === undefined) return (tokens) => program.score(tokens);
  const features = await readRowFeatures(scorer, has);
  return (tokens, { indices }) => program.score(tokens, features.batch(indices, batchSize));
};

/** Minus a language model's mean loss. */
const byPerplexity: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, compiler: mode } = input;
  await context.phase('compiling');
  const program = await context.programs.evaluation({ model, vocabularySize, sequenceLength, batchSize, mode });
  program.setState(await readArrays(scorer, 'weights.safetensors'));
  const positions = sequenceLength - 1;
  return (tokens) => {
    const { negativeLogLikelihood } = program.evaluate(tokens);
    return Float32Array.from({ length: batchSize }, (_, i) => -mean(negativeLogLikelihood.subarray(i * positions, (i + 1) * positions)));
  };
};

/** 1 for rows of the wanted sources; equal ones in an order by chance, as ids lie in the order of the source's documents. */
const bySource: OpenRater = async ({ input: { oracle, corpus: ref }, context }) => {
  if (oracle === undefined) throw new RangeError('rows that are rated by source need to be told which are wanted');
  const { index: { sources: known } } = await openCorpus(context.store, ref);
  const unknown = oracle.sources.filter((name) => !known.some((source) => source.name === name));
  if (unknown.length > 0) {
    throw new BlissError({ code: 'DataInvalid', message: `the corpus has no source ${unknown.join(', ')}; it has ${known.map(({ name }) => name).join(', ')}`, where: 'oracle.sources', fix: 'name sources of the corpus' });
  }
  const wanted = known.filter(({ name }) => oracle.sources.includes(name));
  if (wanted.every(({ rows }) => rows === 0)) {
    throw new BlissError({ code: 'DataInvalid', message: `the corpus has no row of ${oracle.sources.join(', ')}`, where: 'oracle.sources', fix: 'name sources that have rows' });
  }
  const isWanted = new Set(wanted.map(({ name }) => name));
  return (_tokens, { ids, sources }) => Float32Array.from(ids, (id, i) => Number(isWanted.has(sources[i])) + uniformOf(oracle.seed, id) / 2);
};

/** By what needs no stage of its own: the score model, a language model's loss, the names of sources. */
export const MODEL_RATERS: { readonly [By in Exclude<ScoredBy, OwnScores>]: OpenRater } = { 'score-model': byScoreModel, perplexity: byPerplexity, source: bySource };
