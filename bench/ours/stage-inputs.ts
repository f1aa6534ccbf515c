import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/index.js';
import type { StageInputs } from '../../lib/stages/index.js';

/** Inputs of stages as a run of a configuration gives them, but for lengths. Checkpoints are none unless a distance is given. */
export function prepareInput({ data, tokenizer, heldOut, models }: RunConfig, folder: string): StageInputs['prepare'] {
  return { data, tokenizer, heldOut, vocabularySize: models.vocabularySize, groups: 2, seed: 'bench', configFolder: folder };
}

export function trainingInput({ models, data, pretraining, runtime }: RunConfig, selection: Ref, steps: number, checkpointEvery = steps): StageInputs['training'] {
  return {
    purpose: 'warm-up',
    model: models.target,
    vocabularySize: models.vocabularySize,
    sequenceLength: data.sequenceLength,
    selection,
    start: { seed: 'bench' },
    steps,
    batchSize: pretraining.batchSize,
    schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 2 },
    gradientClip: pretraining.gradientClip,
    adam: pretraining.adam,
    checkpointEvery,
    compiler: runtime.compiler,
    precision: runtime.precision,
    recompute: runtime.recompute,
    numerics: runtime.numerics,
    seed: 'bench',
  };
}

export function bilevelInput({ bilevel, models, data, runtime }: RunConfig, { corpus, warm, outerSteps, checkpointEvery = outerSteps }: { readonly corpus: Ref; readonly warm: Ref; readonly outerSteps: number; readonly checkpointEvery?: number }): StageInputs['bilevel'] {
  return {
    bilevel: { ...bilevel, outerSteps, checkpointEvery },
    models,
    sequenceLength: data.sequenceLength,
    corpus,
    group: 1,
    proxy: warm,
    target: warm,
    scorer: null,
    compiler: runtime.compiler,
    precision: runtime.precision,
    recompute: runtime.recompute,
    numerics: runtime.numerics,
    seed: 'bench',
  };
}

export function scoringInput({ models, data, scoring, runtime }: RunConfig, corpus: Ref, scorer: Ref): StageInputs['scoring'] {
  const shards = Math.ceil(data.rowsPerGroup / data.rowsPerShard);
  return { models, sequenceLength: data.sequenceLength, batchSize: scoring.batchSize, corpus, group: 1, shards: { first: 0, end: shards }, scorer, compiler: runtime.compiler, precision: runtime.precision };
}
