import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { hessianProduct, innerStep, lowerLoss, outerStep, targetStates, type CurvatureProduct, type InnerStepOutput, type LowerLossInput, type OuterStepOutput } from '../../lib/bilevel/index.js';
import { biasCorrections, mapNamed, warmUpThenCosine, type Moments } from '../../lib/optim/index.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';
import { modelsOf, settingsOf, type Recording, type StepRecord, type Weights } from './recording.js';

/** The point of one outer step at which everything but θ_s is settled. */
export interface Point {
  readonly proxy: NamedTensors;
  readonly score: NamedTensors;
  readonly lower: LowerLossInput;
  readonly curvature: CurvatureProduct;
}

export interface StepRun {
  readonly learningRates: { readonly proxy: number; readonly score: number };
  readonly inner: readonly InnerStepOutput[];
  readonly outer: OuterStepOutput;
  readonly point: Point;
}

/** Runs the recorded outer steps by the library's step functions, each on the outcome of the one before, never on recorded values. */
export function runRecording(recording: Recording, weights: Weights, steps: readonly StepRecord[]): readonly StepRun[] {
  const models = modelsOf(recording);
  const settings = settingsOf(recording);
  const { hyper } = recording;
  const batch = (index: number): Tensor => tf.tensor2d(recording.trainBatches[index], undefined, 'int32');
  const corrections = (update: number): { c1: Tensor; c2: Tensor } => {
    const { c1, c2 } = biasCorrections(update, { beta1: hyper.beta1, beta2: hyper.beta2 });
    return { c1: tf.scalar(c1), c2: tf.scalar(c2) };
  };
  const rate = (step: number, peak: number): number => warmUpThenCosine({ step, peak, warmUpSteps: hyper.scheduleWarmupSteps, totalSteps: hyper.scheduleTotalSteps });
  const fresh = (params: NamedTensors): Moments => ({ m: mapNamed(params, (x) => tf.zerosLike(x)), u: mapNamed(params, (x) => tf.zerosLike(x)) });

  const { target } = weights;
  let { proxy, score } = weights;
  let proxyMoments = fresh(proxy);
  let scoreMoments = fresh(score);
  let normaliser: OuterStepOutput['normaliser'] = { max: tf.scalar(0), sum: tf.scalar(0) };
  let z = mapNamed(proxy, (x) => tf.zerosLike(x));
  let updates = 0;
  return steps.map((step, t) => {
    const learningRates = { proxy: rate(t, hyper.lrProxy), score: rate(t, hyper.lrScore) };
    const first = tf.scalar(t === 0 ? 1 : 0);
    const inner = step.batches.inner.map((index) => {
      const done = innerStep({ models, settings, proxy, proxyMoments, score, target, ids: batch(index), learningRate: tf.scalar(learningRates.proxy), corrections: corrections(++updates), normaliser, first });
      ({ proxy, moments: proxyMoments } = done);
      return done;
    });
    const { ids, mask } = validationBatch(step);
    // ours.json begins z in working precision; only the release rounds its first start
    const rounded = recording.mode === 'release' ? first : tf.scalar(0);
    const outerIds = batch(step.batches.outer);
    const outer = outerStep({ models, settings, proxy, score, scoreMoments, target, z, normaliser, validationIds: ids, validationMask: mask, ids: outerIds, learningRate: tf.scalar(learningRates.score), corrections: corrections(t + 1), first: rounded });
    const lower: LowerLossInput = { proxy: models.proxy, params: proxy, batch: { ids: outerIds, weights: outer.weights, target: targetStates({ target: models.target, params: target, ids: outerIds }) }, settings };
    const point = { proxy, score, lower, curvature: hessianProduct(lower) };
    ({ score, moments: scoreMoments, normaliser, z } = outer);
    return { learningRates, inner, outer, point };
  });
}

export const lowerAt = ({ lower }: Point): ReturnType<typeof lowerLoss> => lowerLoss(lower);

function validationBatch({ val }: StepRecord): { ids: Tensor; mask: Tensor } {
  return {
    ids: tf.tensor2d(val.inputIds.map((row) => [...row]), undefined, 'int32'),
    mask: tf.tensor2d(val.labels.map((row) => row.map((label) => (label === -1 ? 0 : 1)))),
  };
}
