import { mean } from '../../mean.js';
import type { Artifact } from '../../artifacts/types.js';
import { lexicalScore, type LexicalScorer } from '../../selection/lexical/index.js';
import { readJson } from '../contents/index.js';
import { LEXICAL_FILE } from '../lexical.js';
import { readArrays } from '../state.js';
import type { ScoringInput, StageContext } from '../types.js';

/** Scores of a batch of rows. @param tokens int32 [batchSize × T], rows one after the other. @returns float32 [batchSize], larger is better */
export type Rater = (tokens: Int32Array) => Float32Array;

/** What the input's scorer makes of rows: the score model, a language model's loss, or n-gram weights. */
export async function openRater({ input, scorer, context }: { readonly input: ScoringInput; readonly scorer: Artifact; readonly context: StageContext }): Promise<Rater> {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, precision, compiler: mode } = input;
  switch (input.by ?? 'score-model') {
    case 'lexical': {
      const { weights, ...rest } = await readJson<Omit<LexicalScorer, 'weights'> & { readonly weights: readonly number[] }>(scorer, LEXICAL_FILE);
      const learnt = { ...rest, weights: Float32Array.from(weights) };
      return (tokens) => Float32Array.from({ length: batchSize }, (_, i) => lexicalScore(learnt, tokens.subarray(i * sequenceLength, (i + 1) * sequenceLength)));
    }
    case 'perplexity': {
      await context.phase('compiling');
      const program = await context.programs.evaluation({ model, vocabularySize, sequenceLength, batchSize, mode });
      program.setState(await readArrays(scorer, 'weights.safetensors'));
      const positions = sequenceLength - 1;
      return (tokens) => {
        const { negativeLogLikelihood } = program.evaluate(tokens);
        return Float32Array.from({ length: batchSize }, (_, i) => -mean(negativeLogLikelihood.subarray(i * positions, (i + 1) * positions)));
      };
    }
    case 'score-model': {
      await context.phase('compiling');
      const program = await context.programs.scoring({ model, vocabularySize, sequenceLength, batchSize, precision, mode });
      program.setState(await readArrays(scorer, 'score.safetensors'));
      return (tokens) => program.score(tokens);
    }
  }
}
