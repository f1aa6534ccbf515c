import { innerStep, outerStep, type BilevelModels, type Normaliser } from '../bilevel/index.js';
import { createModel, createScoreModel, LOGITS_AT_ONCE } from '../models/index.js';
import { biasCorrections } from '../optim/index.js';
import { Program, tf, type EntryIO, type TensorSpec } from '../tensor/index.js';
import { createBilevelInParts } from './bilevel-in-parts.js';
import { inParts, requireComputable, type BilevelSpec } from './bilevel-spec.js';
import { compiledProgram, floatsOf, numberOf } from './compiled-program.js';
import { adamInputs, featureInputs, scalar, tokenIds } from './input-specs.js';
import { productsOf } from './precision.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, momentGroups, readGroup, readMoments } from './state-variables.js';
import type { BilevelProgram } from './types.js';

/**
 * Inner and outer step of the bilevel phase, one call each, over the state of proxy, score model and target.
 * @throws BlissError ConfigInvalid where settings do not go together  @see method §4, step 2
 */
export async function createBilevelProgram(spec: BilevelSpec): Promise<BilevelProgram> {
  const { vocabularySize, sequenceLength, bilevel: settings, mode, precision = 'float32', recompute = 'none', logitsAtOnce = LOGITS_AT_ONCE } = spec;
  requireComputable(settings);
  if (inParts(settings)) return createBilevelInParts(spec);
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
