import { bilevelProblems } from '../../config/bilevel-problems.js';
import { fieldName } from '../../config/problem.js';
import { DEFAULT_FEATURE_SCALE, type BilevelConfig } from '../../config/sections/bilevel.js';
import type { ModelConfig } from '../../config/sections/models.js';
import { innerStep, outerStep, type BilevelModels, type BilevelSettings, type Normaliser } from '../bilevel/index.js';
import { BlissError } from '../errors.js';
import { createModel, createScoreModel, LOGITS_AT_ONCE, type ScoreFeatures } from '../models/index.js';
import { biasCorrections } from '../optim/index.js';
import { Program, tf, type EntryIO, type ProgramOptions, type TensorSpec } from '../tensor/index.js';
import { compiledProgram, floatsOf, numberOf } from './compiled-program.js';
import { adamInputs, featureInputs, scalar, tokenIds } from './input-specs.js';
import { productsOf, type Precision } from './precision.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, momentGroups, readGroup, readMoments } from './state-variables.js';
import type { BilevelProgram } from './types.js';

/** what of a run's `bilevel` section decides the program */
export type BilevelProgramSettings = BilevelSettings &
  Pick<BilevelConfig, 'batchSize' | 'validationBatchSize'> & {
    /** rows are ranked on the way too */
    readonly ranks?: true;
    /** of the score model */
    readonly features?: ScoreFeatures;
  };

/** Plain JSON: equal specifications share a program. */
export interface BilevelSpec {
  readonly proxy: ModelConfig;
  readonly target: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly bilevel: BilevelProgramSettings;
  /** of the inner step; the outer one, whose solver works on small differences, is float32 in any case */
  readonly precision?: Precision;
  /** compute each block of the proxy again in backward passes instead of keeping its activations */
  readonly recompute?: 'none' | 'blocks';
  /** elements of the proxy's logits held at once. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
  readonly mode: ProgramOptions['mode'];
}

/**
 * Inner and outer step of the bilevel phase, one call each, over the state of proxy, score model and target.
 * @throws BlissError ConfigInvalid where settings do not go together  @see method §4, step 2
 */
export async function createBilevelProgram(spec: BilevelSpec): Promise<BilevelProgram> {
  const { vocabularySize, sequenceLength, bilevel: settings, mode, precision = 'float32', recompute = 'none', logitsAtOnce = LOGITS_AT_ONCE } = spec;
  requireComputable(settings);
  const { batchSize, validationBatchSize } = settings;
  const proxy = createModel(spec.proxy, { recomputeBlocks: recompute === 'blocks', logitsAtOnce });
  const models: BilevelModels = { proxy, score: createScoreModel(proxy, settings.features), target: createModel(spec.target) };
  const shapes = { proxy: proxy.shapes(vocabularySize), score: models.score.shapes(vocabularySize), target: models.target.shapes(vocabularySize) };
  const proxyMoments = momentGroups('proxy');
  const scoreMoments = momentGroups('score');
  // held only where it is read
  const stale = settings.normaliser === 'stale';
  const preconditioned = settings.solver.preconditioner === 'adam';

  const program = new Program('bilevel', { mode });
  declareGroup(program, 'proxy', shapes.proxy);
  declareMoments(program, proxyMoments, shapes.proxy);
  declareGroup(program, 'score', shapes.score);
  declareMoments(program, scoreMoments, shapes.score);
  declareGroup(program, 'target', shapes.target);
  // of the outer step before: where a warm start begins, and what every z is compared with
  declareGroup(program, 'z', shapes.proxy);
  if (stale) declareGroup(program, 'normaliser', { max: [], sum: [] });

  const normaliser = (io: EntryIO): Normaliser =>
    stale ? { max: io.read('normaliser/max'), sum: io.read('normaliser/sum') } : { max: tf.scalar(0), sum: tf.scalar(1) };

  const given = featureInputs(batchSize, settings.features);
  program.entry('innerStep', { ids: tokenIds(batchSize, sequenceLength), ...given, first: scalar, ...adamInputs }, ({ ids, features, first, learningRate, c1, c2 }, io) => {
    const result = innerStep({
      models,
      settings,
      proxy: readGroup(io, 'proxy', shapes.proxy),
      proxyMoments: readMoments(io, proxyMoments, shapes.proxy),
      score: readGroup(io, 'score', shapes.score),
      target: readGroup(io, 'target', shapes.target),
      ids,
      features,
      learningRate,
      corrections: { c1, c2 },
      normaliser: normaliser(io),
      first,
    });
    assignGroup(io, 'proxy', result.proxy);
    assignMoments(io, proxyMoments, result.moments);
    const { lowerLoss, weightedCrossEntropy, kl, gradientNorm, scores } = result;
    return { lowerLoss, weightedCrossEntropy, kl, gradientNorm, scores };
  }, { products: productsOf(precision) });

  const outerInputs: Readonly<Record<string, TensorSpec>> = {
    validationIds: tokenIds(validationBatchSize, sequenceLength),
    validationMask: { shape: [validationBatchSize, sequenceLength], dtype: 'float32' },
    ids: tokenIds(batchSize, sequenceLength),
    ...given,
    first: scalar,
    ...adamInputs,
    // 1 / (1 − β₂^k) of the proxy's moments
    ...(preconditioned ? { proxyC2: scalar } : {}),
  };
  program.entry('outerStep', outerInputs, ({ validationIds, validationMask, ids, features, first, learningRate, c1, c2, proxyC2 }, io) => {
    const result = outerStep({
      models,
      settings,
      proxy: readGroup(io, 'proxy', shapes.proxy),
      score: readGroup(io, 'score', shapes.score),
      scoreMoments: readMoments(io, scoreMoments, shapes.score),
      ...(preconditioned ? { proxySecondMoment: { u: readGroup(io, proxyMoments.u, shapes.proxy), c2: proxyC2 } } : {}),
      target: readGroup(io, 'target', shapes.target),
      z: readGroup(io, 'z', shapes.proxy),
      normaliser: normaliser(io),
      validationIds,
      validationMask,
      ids,
      features,
      learningRate,
      corrections: { c1, c2 },
      first,
    });
    assignGroup(io, 'score', result.score);
    assignMoments(io, scoreMoments, result.moments);
    assignGroup(io, 'z', result.z);
    if (stale) assignGroup(io, 'normaliser', { max: result.normaliser.max, sum: result.normaliser.sum });
    const { upperLoss, scores, alignment, hypergradientNorm, zNorm, zCosine, residualNorm, relativeResidual, negativeCurvature } = result;
    return { upperLoss, scores, alignment, hypergradientNorm, zNorm, zCosine, residualNorm, relativeResidual, negativeCurvature };
  });
  if (settings.ranks === true) {
    program.entry('rank', { ids: tokenIds(batchSize, sequenceLength), ...given }, ({ ids, features }, io) => ({ logits: models.score.logits({ params: readGroup(io, 'score', shapes.score), ids, features }) }), { products: productsOf(precision) }); // as scoring has them
  }
  await program.build();

  const compiled = compiledProgram(program);
  return {
    ...compiled,
    fresh: (groups) => compiled.fresh({ ...groups, ...(stale ? { normaliser: { max: Float32Array.of(0), sum: Float32Array.of(1) } } : {}) }),
    innerStep: ({ ids, features, learningRate, update, first }) => {
      const outputs = program.call('innerStep', { ids, ...ofRows(features), learningRate, first: Number(first), ...biasCorrections(update, settings.proxy.adam) });
      return {
        lowerLoss: numberOf(outputs, 'lowerLoss'),
        weightedCrossEntropy: numberOf(outputs, 'weightedCrossEntropy'),
        kl: numberOf(outputs, 'kl'),
        gradientNorm: numberOf(outputs, 'gradientNorm'),
        scores: floatsOf(outputs, 'scores'),
      };
    },
    rank: ({ ids, features }) => floatsOf(program.call('rank', { ids, ...ofRows(features) }), 'logits'),
    outerStep: ({ validationIds, validationMask, ids, features, learningRate, update, proxyUpdates, first }) => {
      const corrections = biasCorrections(update, settings.score.adam);
      const ofProxy: Readonly<Record<string, number>> = preconditioned ? { proxyC2: biasCorrections(proxyUpdates, settings.proxy.adam).c2 } : {};
      const outputs = program.call('outerStep', { validationIds, validationMask, ids, ...ofRows(features), learningRate, first: Number(first), ...corrections, ...ofProxy });
      return {
        upperLoss: numberOf(outputs, 'upperLoss'),
        scores: floatsOf(outputs, 'scores'),
        alignment: floatsOf(outputs, 'alignment'),
        hypergradientNorm: numberOf(outputs, 'hypergradientNorm'),
        zNorm: numberOf(outputs, 'zNorm'),
        zCosine: numberOf(outputs, 'zCosine'),
        residualNorm: numberOf(outputs, 'residualNorm'),
        relativeResidual: numberOf(outputs, 'relativeResidual'),
        negativeCurvature: numberOf(outputs, 'negativeCurvature'),
      };
    },
  };
}

/** @param features float32 [n·K] */
const ofRows = (features: Float32Array | undefined): Readonly<Record<string, Float32Array>> => (features === undefined ? {} : { features });

/** A run's configuration was checked when it was read; a stage's input may come from elsewhere, and would be computed as something else. */
export function requireComputable(settings: Parameters<typeof bilevelProblems>[0]): void {
  const [problem] = bilevelProblems(settings);
  if (problem === undefined) return;
  const { path, message, fix } = problem;
  throw new BlissError({ code: 'ConfigInvalid', where: fieldName(path), message, ...(fix === undefined ? {} : { fix }) });
}

/** Of each feature its value and its square. */
export function scoreFeatures({ score: { features, featureScale = DEFAULT_FEATURE_SCALE, backbone = true } }: Pick<BilevelConfig, 'score'>): ScoreFeatures | undefined {
  return features === undefined ? undefined : { count: 2 * features.length, scale: featureScale, backbone };
}

/** The part of the whole section that decides the program, so that runs of other lengths share it. */
export function bilevelProgramSettings(section: BilevelConfig): BilevelProgramSettings {
  const { klWeight, klDirection, l2Weight, weights, temperature, normaliser, causalProxy, referenceDevices, solver, proxy, score, batchSize, validationBatchSize } = section;
  const features = scoreFeatures(section);
  const common = { klWeight, klDirection, l2Weight, weights, normaliser, causalProxy, referenceDevices, solver, proxy, score, batchSize, validationBatchSize };
  return { ...common, ...(temperature === undefined ? {} : { temperature }), ...(section.stopAt === undefined ? {} : { ranks: true as const }), ...(features === undefined ? {} : { features }) };
}
