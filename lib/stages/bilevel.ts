import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DEFAULT_FEATURE_SCALE, DEFAULT_PRECONDITIONER_EPSILON } from '../../config/sections/bilevel.js';
import { digestJson, digestTensors } from '../artifacts/index.js';
import type { Artifact } from '../artifacts/types.js';
import { sampleRows, type BatchRequest, type Feeder } from '../data/index.js';
import type { HeldOutExample } from '../data/types.js';
import { counted } from '../counted.js';
import { BlissError } from '../errors.js';
import { mean } from '../mean.js';
import { createModel, createScoreModel, safetensorsPieces, writeSafetensors, type ScoreFeatures } from '../models/index.js';
import { bilevelLearningRate, bilevelSteps, bilevelWarmUpSteps } from '../optim/index.js';
import { requireComputable, scoreFeatures } from '../programs/index.js';
import { groupOf, withoutGroup } from '../programs/state-variables.js';
import type { BilevelProgram } from '../programs/types.js';
import { permutation } from '../random.js';
import type { NamedArrays } from '../tensor/index.js';
import { flattenHeldOut, policyInKey, StepWatch } from './steps/index.js';
import { NUMERICS_FILE, openCorpus, readTrainedRows, RowSet, TRAINED_ROWS_FILE, writeFiles, writeTrainedRows } from './contents/index.js';
import { checkNumerics, throwIfStopped } from './execution/index.js';
import { bilevelWork } from './bilevel-work.js';
import { featureFiles, rateRows, readRowFeatures, storedFeatures } from './features/index.js';
import { RankingWatch } from './ranking-watch.js';
import { readArrays } from './state.js';
import type { BilevelInput, LearningStage, OpenRater, StageContext } from './types.js';

/**
 * Learns the score model θ_s: S outer steps, each of K inner steps of the proxy on the weighted loss, the hypergradient of
 * the validation loss, and one step of θ_s.  @see method §4, steps 1 and 2
 */
export const bilevel = ({ openRater }: { /** of what the score model's features are */ readonly openRater: OpenRater }): LearningStage<'bilevel'> => ({
  name: 'bilevel',
  version: 3,
  keyInput: ({ numerics: _policy, divergence, ...input }: BilevelInput) => ({
    ...input,
    bilevel: sectionInKey(input.bilevel),
    ...policyInKey(divergence),
    // before, a skipped place did not take its validation minibatch along: what skips is other than it was
    ...(divergence?.policy === 'rewind' ? { validation: 'by place' } : {}),
    // a proxy that is not causal used to see the validation rows' padding up to T: what was learnt so is not found
    ...(input.bilevel.causalProxy ? {} : { padding: 'to the longest' }),
  }),
  work: bilevelWork,
  run: async (input, context) => {
    const { bilevel: hyper, models, sequenceLength } = input;
    const { outerSteps, innerSteps } = hyper;
    requireComputable(hyper);
    const corpus = await openCorpus(context.store, input.corpus);
    const first = context.resume?.step ?? 0;
    const group = corpus.index.groups[input.group];
    const validation = validationMinibatches(input, await corpus.heldOut('validation'));
    const subset = trainingSubset(input, group.rows);
    const watch = await StepWatch.of({ context, policy: input.divergence, losses: ['upperLoss', 'lowerLoss'], where: 'bilevel, outer step', fix: FIX });
    const feed = (from: number): Promise<Feeder> => context.feed({ artifact: corpus.artifact, index: group, batchSize: hyper.batchSize, subset, requests: minibatchesFrom(from, input, watch) });
    const has = scoreFeatures(hyper);
    const features = has === undefined ? undefined : context.resume === undefined ? await rateRows({ input, group: { artifact: corpus.artifact, index: group }, of: has, openRater, context }) : await readRowFeatures(context.resume.artifact, has);
    const featuresOf = (indices: Uint32Array): { readonly features?: Float32Array } => (features === undefined ? {} : { features: features.batch(indices, hyper.batchSize) });
    // before compiling: the first minibatches are read beside it
    let feeder = await feed(first);
    await context.phase('compiling');
    const program = await context.programs.bilevel({ proxy: models.proxy, target: models.target, vocabularySize: models.vocabularySize, sequenceLength, bilevel: hyper, precision: input.precision, recompute: input.recompute, mode: input.compiler });

    const { stopAt } = hyper;
    const ranking = stopAt === undefined ? undefined : await RankingWatch.of({ context, group: { artifact: corpus.artifact, index: group }, batchSize: hyper.batchSize, sequenceLength, ...(features === undefined ? {} : { features }), stopAt, warmUpSteps: bilevelWarmUpSteps(hyper), seed: input.seed });
    const numerics = await checkNumerics({ context, programDigest: program.digest, policy: input.numerics });
    /** @returns the rows that have trained the scorer until then */
    const restore = async (from: StageContext['resume']): Promise<RowSet> => {
      program.setState({ ...(await freshState(input, context, program)), ...(from === undefined ? {} : await readArrays(from.artifact, STATE_FILE)) });
      await ranking?.restore(from);
      return from === undefined ? RowSet.of(group.rows) : readTrainedRows(from.artifact);
    };
    let used = await restore(context.resume);
    // the target is frozen: a checkpoint names it by its reference instead of holding it
    const learnt = (): NamedArrays => withoutGroup(program.getState(), 'target');

    let upperLoss = Number.NaN;
    let saved = context.resume?.step;
    let step = first;
    const save = async (done: number): Promise<void> => {
      await context.checkpoint({
        step: done,
        files: () => ({
          [STATE_FILE]: { given: safetensorsPieces({ arrays: learnt(), shapes: program.shapes }) },
          [TRAINED_ROWS_FILE]: used.bits,
          [NUMERICS_FILE]: JSON.stringify(numerics),
          ...watch.files(),
          ...ranking?.files(),
          ...(features === undefined ? {} : featureFiles(features)),
        }),
      });
      saved = done;
      throwIfStopped(context);
    };
    // to rate the rows of a group may take longer than all outer steps
    if (features !== undefined && context.resume === undefined) await save(0);
    const mayStop = stopAt !== undefined && stopAt.rankCorrelation < 1;
    /** at most `outerSteps`; fewer once the ranking stands still */
    const steps = (): number => bilevelSteps({ ...hyper, decayFrom: ranking?.decayFrom });
    while (step < steps()) {
      const rate = (peak: number): number => bilevelLearningRate({ ...hyper, step, peak, decayFrom: ranking?.decayFrom });
      let inner: ReturnType<BilevelProgram['innerStep']> | undefined;
      const rows: string[] = [];
      const trained: number[] = [];
      for (let k = 0; k < innerSteps; k++) {
        const { tokens: ids, indices, ids: names } = await feeder.next();
        trained.push(...indices);
        rows.push(...names);
        inner = program.innerStep({ ids, ...featuresOf(indices), learningRate: rate(hyper.proxy.peakLearningRate), update: step * innerSteps + k + 1, first: step === 0 });
      }
      const { tokens: ids, indices, ids: names } = await feeder.next();
      trained.push(...indices);
      rows.push(...names);
      const { ids: validationIds, mask: validationMask } = await context.waiting.during(() => validation(watch.placeOf(step)));
      const outer = program.outerStep({ validationIds, validationMask, ids, ...featuresOf(indices), learningRate: rate(hyper.score.peakLearningRate), update: step + 1, proxyUpdates: (step + 1) * innerSteps, first: step === 0 });
      const figures = {
        upperLoss: outer.upperLoss,
        lowerLoss: inner?.lowerLoss ?? Number.NaN,
        proxyGradientNorm: inner?.gradientNorm ?? Number.NaN,
        hypergradientNorm: outer.hypergradientNorm,
      };
      const fault = watch.judge(figures);
      if (fault !== undefined) {
        const from = await watch.skip({ step, fault, figures, rows, checkpoint: saved });
        await feeder.close();
        saved = from?.step;
        step = saved ?? 0;
        feeder = await feed(step);
        used = await restore(from);
        continue;
      }
      trained.forEach((index) => used.add(index));
      ({ upperLoss } = figures);
      const done = step + 1;
      const rankCorrelation = ranking?.look(done, program);
      context.metrics({
        step: done,
        upperLoss,
        lowerLoss: figures.lowerLoss,
        weightedCrossEntropy: inner?.weightedCrossEntropy ?? Number.NaN,
        kl: inner?.kl ?? Number.NaN,
        proxyGradientNorm: figures.proxyGradientNorm,
        hypergradientNorm: figures.hypergradientNorm,
        zNorm: outer.zNorm,
        zCosine: outer.zCosine,
        residualNorm: outer.residualNorm,
        relativeResidual: outer.relativeResidual,
        negativeCurvature: outer.negativeCurvature,
        scoreMean: mean(outer.scores),
        scoreMin: outer.scores.reduce((least, score) => Math.min(least, score), Infinity),
        scoreMax: outer.scores.reduce((most, score) => Math.max(most, score), -Infinity),
        learningRate: rate(hyper.score.peakLearningRate),
        ...(rankCorrelation === undefined ? {} : { rankCorrelation }),
        ...watch.record(step),
      });
      await context.progress({ step: done, of: steps(), ...(mayStop && ranking?.decayFrom === undefined ? { atMost: true } : {}), amount: { value: done * hyper.batchSize * (innerSteps + 1), unit: 'rows' }, metrics: { loss: upperLoss, lowerLoss: figures.lowerLoss, hypergradientNorm: figures.hypergradientNorm } });
      if (done < steps() && (done % hyper.checkpointEvery === 0 || watch.keeps(done) || context.stopReason() !== undefined)) {
        await save(done);
      }
      step = done;
    }

    await context.phase('saving the result');
    const end = learnt();
    const score = groupOf(end, 'score');
    const scoreShapes = createScoreModel(createModel(models.proxy), has).shapes(models.vocabularySize);
    await writeSafetensors({ path: path.join(context.scratch, 'score.safetensors'), arrays: score, shapes: scoreShapes });
    await writeSafetensors({ path: path.join(context.scratch, 'proxy.safetensors'), arrays: groupOf(end, 'proxy'), shapes: createModel(models.proxy).shapes(models.vocabularySize) });
    await writeTrainedRows(context.scratch, used);
    if (features !== undefined) await writeFiles(context.scratch, featureFiles(features));
    await writeFile(path.join(context.scratch, NUMERICS_FILE), JSON.stringify(numerics));
    return { kind: 'scorer', folder: context.scratch, digest: features === undefined ? digestTensors(score, scoreShapes) : digestJson({ score: digestTensors(score, scoreShapes), features: digestTensors({ features: features.values }, { features: [group.rows, features.of.count] }) }), summary: { outerSteps: step, ...(mayStop ? { atMost: outerSteps } : {}), upperLoss, trainedRows: used.size, group: input.group, ...watch.summary() } };
  },
});

/** What decides nothing is left out: an earlier version, which did not have these fields, made the same under the key without them. */
function sectionInKey({ temperature = 1, schedule, score: { features, featureScale = DEFAULT_FEATURE_SCALE, backbone = true, ...score }, solver: { preconditioner, epsilon = DEFAULT_PRECONDITIONER_EPSILON, ...solver }, ...section }: BilevelInput['bilevel']): unknown {
  return {
    ...section,
    score: { ...score, ...(features === undefined ? {} : { features, featureScale, backbone }) },
    ...(section.weights === 'logits' && temperature !== 1 ? { temperature } : {}),
    ...(schedule === 'wsd' ? { schedule } : {}),
    solver: { ...solver, ...(preconditioner === 'adam' ? { preconditioner, epsilon } : {}) },
  };
}

const STATE_FILE = 'bilevel.safetensors';

/** At the start of a round: θ_p ← θ_p⁰, θ_s inherited or fresh, fresh optimizers, θ_r frozen.  @see method §4, step 1 */
async function freshState({ models, seed, ...input }: BilevelInput, context: StageContext, program: BilevelProgram): Promise<NamedArrays> {
  const { vocabularySize } = models;
  const proxy = await readArrays(await context.store.open(input.proxy), 'weights.safetensors');
  const target = await readArrays(await context.store.open(input.target), 'weights.safetensors');
  const score = input.scorer === null ? createScoreModel(createModel(models.proxy), scoreFeatures(input.bilevel)).fromProxy({ proxy, vocabularySize, seed: `${seed}/score` }) : await inherited(await context.store.open(input.scorer), scoreFeatures(input.bilevel));
  return program.fresh({ proxy, score, target });
}

/** θ_s of the round before. @throws BlissError ConfigInvalid where that score model sees other things of rows than this one */
async function inherited(scorer: Artifact, features: ScoreFeatures | undefined): Promise<NamedArrays> {
  const had = await storedFeatures(scorer);
  if (JSON.stringify(had) !== JSON.stringify(features)) {
    throw new BlissError({
      code: 'ConfigInvalid',
      message: `the score model of the round before has ${featuresText(had)}, that of this round ${featuresText(features)}`,
      where: 'bilevel.score.features',
      fix: 'keep features, featureScale and backbone through all rounds, or write bilevel.score.inherit: false',
    });
  }
  return readArrays(scorer, 'score.safetensors');
}

const featuresText = (of: ScoreFeatures | undefined): string =>
  of === undefined ? 'no features' : `${counted(of.count, 'element')} of features, κ = ${of.scale}, ${of.backbone ? 'a backbone' : 'no backbone'}`;

/** The rows of the group that may train the scorer; the others are only ranked. */
function trainingSubset({ bilevel: hyper, seed, group }: BilevelInput, rows: number): Uint32Array {
  const { batchSize, disjointBatches } = hyper;
  const subset = sampleRows(rows, hyper.trainingFraction, `${seed}/training-subset`);
  if (subset.length < batchSize * (disjointBatches ? 2 : 1)) {
    throw new BlissError({
      code: 'DataInvalid',
      message: `group ${group} gives ${counted(subset.length, 'row')} to train the scorer on, fewer than ${disjointBatches ? 'an inner and an outer minibatch' : 'one minibatch'} of ${batchSize}`,
      where: 'bilevel.batchSize',
      fix: 'lower bilevel.batchSize, or raise data.rowsPerGroup or bilevel.trainingFraction',
    });
  }
  return subset;
}

/** The minibatches of each outer step, by its place in the order: K inner ones, then the outer one. Inner and outer ones come from disjoint rows.  @see method §6.5 */
function* minibatchesFrom(first: number, { bilevel: { outerSteps, innerSteps, disjointBatches }, seed }: BilevelInput, watch: StepWatch): Iterable<BatchRequest> {
  const draw = (step: number, index: 0 | 1): BatchRequest => ({ kind: 'ordered', seed: `${seed}/rows`, step, ...(disjointBatches ? { part: { of: 2, index } } : {}) });
  for (let step = first; step < outerSteps; step++) {
    const place = watch.placeOf(step);
    for (let k = 0; k < innerSteps; k++) yield draw(place * innerSteps + k, 0);
    yield draw(place, 1);
  }
}

/** The validation minibatch of each outer step, by its place in the order: a skipped place takes its own along, for an upper loss may leap by the texts it is of. A pure function of (seed, place). */
function validationMinibatches({ bilevel: hyper, sequenceLength, seed }: BilevelInput, validation: readonly HeldOutExample[]): (place: number) => { readonly ids: Int32Array; readonly mask: Float32Array } {
  const { validationBatchSize } = hyper;
  if (validation.length < validationBatchSize) {
    throw new BlissError({ code: 'DataInvalid', message: `there are ${validation.length} validation examples, fewer than one batch of ${validationBatchSize}`, where: 'bilevel.validationBatchSize', fix: 'lower it or raise heldOut.validation' });
  }
  let order: { readonly epoch: number; readonly at: Uint32Array } | undefined;
  const perEpoch = Math.floor(validation.length / validationBatchSize);
  return (place) => {
    const epoch = Math.floor(place / perEpoch);
    if (order?.epoch !== epoch) order = { epoch, at: permutation(validation.length, seed, 'validation', epoch) };
    const start = (place % perEpoch) * validationBatchSize;
    const examples = Array.from(order.at.subarray(start, start + validationBatchSize), (i) => validation[i]);
    return flattenHeldOut(examples, sequenceLength, hyper.validationLoss);
  };
}

const FIX = 'look at those rows; lower bilevel.proxy.peakLearningRate, bilevel.score.peakLearningRate or the solver’s learning rate and run the changed configuration: what comes before this stage is found finished';
