import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { alignment, curvaturePart, hypergradientCoefficients, lowerPart, normaliserOf, preconditioner, rowScores, sampleWeights, startOfZ, upperLoss, wholeGradient, wholeProduct, zSolvers, type BilevelModels, type Normaliser, type SolverState } from '../bilevel/index.js';
import { createModel, createScoreModel, LOGITS_AT_ONCE } from '../models/index.js';
import { adamw, addNamed, biasCorrections, clipGlobal, clipPerTensor, cosine, globalNorm, quotientOrZero, scaleNamed, sumOfSquares } from '../optim/index.js';
import { Program, tf, valueAndGradients, type EntryIO, type NamedTensors, type Shapes, type TensorSpec } from '../tensor/index.js';
import type { BilevelSpec } from './bilevel-spec.js';
import { compiledProgram, floatsOf, numberOf } from './compiled-program.js';
import { adamInputs, featureInputs, scalar, tokenIds } from './input-specs.js';
import { productsOf } from './precision.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, isWithin, momentGroups, readGroup, readMoments } from './state-variables.js';
import type { BilevelProgram } from './types.js';

/** sums and the solver's memory within a step; no part of the state, since they are begun anew at every step */
const WORK = 'work';
const SUM = `${WORK}/sum`;
const SCORE_SUM = `${WORK}/score-sum`;
const GRADIENT = `${WORK}/upper-gradient`;
const SCALARS = `${WORK}/scalar`;
const vector = (name: string): string => `${WORK}/solver-${name}`;

/**
 * The bilevel program with so many rows of a minibatch at once (`microBatchSize`, `validationMicroBatchSize`): each sum over rows is added up from calls of a part each, and
 * divided once by what the whole minibatch counts. Weights P_i come from a pass of all scores, ā from a pass of all a_i. Memory goes by the rows of a part, and
 * by some more vectors of the proxy's size: ∇F, the sum, and what the solver keeps.
 *
 * Equal to one batch up to the order of sums.  @see method §5
 */
export async function createBilevelInParts(spec: BilevelSpec): Promise<BilevelProgram> {
  const { vocabularySize, sequenceLength: T, bilevel: settings, mode, precision = 'float32', recompute = 'none', logitsAtOnce = LOGITS_AT_ONCE } = spec;
  const { batchSize: n, validationBatchSize: m, microBatchSize: rows = n, validationMicroBatchSize: examples = m } = settings;
  for (const [part, whole] of [[rows, n], [examples, m]]) if (whole % part !== 0) throw new RangeError(`micro-batches of ${part} rows do not make up a minibatch of ${whole}`);
  const proxy = createModel(spec.proxy, { recomputeBlocks: recompute === 'blocks', logitsAtOnce });
  const models: BilevelModels = { proxy, score: createScoreModel(proxy, settings.features), target: createModel(spec.target) };
  const shapes = { proxy: proxy.shapes(vocabularySize), score: models.score.shapes(vocabularySize), target: models.target.shapes(vocabularySize) };
  const proxyMoments = momentGroups('proxy');
  const scoreMoments = momentGroups('score');
  const stale = settings.normaliser === 'stale';
  const preconditioned = settings.solver.preconditioner === 'adam';
  const solver = zSolvers[settings.solver.method];
  const iterations = solver.iterations({ steps: settings.solver.steps, fromZero: settings.solver.start === 'zero' });
  const iterationKinds = [...new Set(iterations)];
  const multiplied = [...new Set(iterations.flatMap(({ of }) => of ?? []))];
  const scalarShapes: Shapes = Object.fromEntries(['weightedCrossEntropy', 'kl', 'upperLoss', 'upperGradientNorm', ...solver.keeps.scalars].map((name) => [name, []]));

  const program = new Program('bilevel-in-parts', { mode });
  declareGroup(program, 'proxy', shapes.proxy);
  declareMoments(program, proxyMoments, shapes.proxy);
  declareGroup(program, 'score', shapes.score);
  declareMoments(program, scoreMoments, shapes.score);
  declareGroup(program, 'target', shapes.target);
  declareGroup(program, 'z', shapes.proxy);
  if (stale) declareGroup(program, 'normaliser', { max: [], sum: [] });
  declareGroup(program, SUM, shapes.proxy);
  declareGroup(program, GRADIENT, shapes.proxy);
  for (const name of solver.keeps.vectors) declareGroup(program, vector(name), shapes.proxy);
  declareGroup(program, SCORE_SUM, shapes.score);
  declareGroup(program, SCALARS, scalarShapes);

  const read = {
    proxy: (io: EntryIO) => readGroup(io, 'proxy', shapes.proxy),
    score: (io: EntryIO) => readGroup(io, 'score', shapes.score),
    target: (io: EntryIO) => readGroup(io, 'target', shapes.target),
    scalar: (io: EntryIO, name: string) => io.read(`${SCALARS}/${name}`),
  };
  /** begins a sum with its first part */
  const addTo = (io: EntryIO, group: string, groupShapes: Shapes, part: NamedTensors, first: Tensor): void => {
    assignGroup(io, group, addNamed(part, scaleNamed(readGroup(io, group, groupShapes), tf.sub(1, first))));
  };
  const addScalar = (io: EntryIO, name: string, part: Tensor, first: Tensor): void => {
    io.assign(`${SCALARS}/${name}`, tf.add(part, tf.mul(read.scalar(io, name), tf.sub(1, first))));
  };
  const keep = (io: EntryIO, { vectors, scalars }: SolverState): void => {
    for (const [name, tensors] of Object.entries(vectors)) assignGroup(io, vector(name), tensors);
    for (const [name, value] of Object.entries(scalars)) io.assign(`${SCALARS}/${name}`, value);
  };
  const kept = (io: EntryIO): SolverState => ({
    vectors: Object.fromEntries(solver.keeps.vectors.map((name) => [name, readGroup(io, vector(name), shapes.proxy)])),
    scalars: Object.fromEntries(solver.keeps.scalars.map((name) => [name, read.scalar(io, name)])),
  });
  const scoresOf = (params: NamedTensors, ids: Tensor, features: Tensor | undefined): Tensor => rowScores({ model: models.score, params, ids, features, weights: settings.weights });

  const given = featureInputs(rows, settings.features);
  const partIds = tokenIds(rows, T);
  const partOf = { shape: [rows], dtype: 'float32' } as const;
  const wholeOf = { shape: [n], dtype: 'float32' } as const;
  const inner = { products: productsOf(precision) };

  program.entry('innerScores', { ids: partIds, ...given }, ({ ids, features }, io) => ({ scores: scoresOf(read.score(io), ids, features) }), inner);
  program.entry('outerScores', { ids: partIds, ...given }, ({ ids, features }, io) => ({ scores: scoresOf(read.score(io), ids, features) }));
  program.entry('weights', { scores: wholeOf, first: scalar }, ({ scores, first }, io) => {
    const normaliser: Normaliser = stale ? { max: io.read('normaliser/max'), sum: io.read('normaliser/sum') } : { max: tf.scalar(0), sum: tf.scalar(1) };
    return { weights: sampleWeights({ scores, normaliser, first, settings }) };
  });

  const lowerIn = (io: EntryIO, ids: Tensor, weights: Tensor) => ({ models, settings, proxy: read.proxy(io), target: read.target(io), ids, weights, batchSize: n });
  program.entry('innerPart', { ids: partIds, weights: partOf, begins: scalar }, ({ ids, weights, begins }, io) => {
    const { gradients, weightedCrossEntropy, kl } = lowerPart(lowerIn(io, ids, weights));
    addTo(io, SUM, shapes.proxy, gradients, begins);
    addScalar(io, 'weightedCrossEntropy', weightedCrossEntropy, begins);
    addScalar(io, 'kl', kl, begins);
    return { kl };
  }, inner);
  program.entry('innerUpdate', adamInputs, ({ learningRate, c1, c2 }, io) => {
    const params = read.proxy(io);
    const { clipped, norm } = clipGlobal(wholeGradient(readGroup(io, SUM, shapes.proxy), params, settings), settings.proxy.gradientClip);
    const updated = adamw({ params, gradients: clipped, moments: readMoments(io, proxyMoments, shapes.proxy), learningRate, corrections: { c1, c2 }, settings: settings.proxy.adam });
    assignGroup(io, 'proxy', updated.params);
    assignMoments(io, proxyMoments, updated.moments);
    const [weightedCrossEntropy, kl] = [read.scalar(io, 'weightedCrossEntropy'), read.scalar(io, 'kl')];
    const lowerLoss = tf.add(tf.add(tf.div(weightedCrossEntropy, settings.referenceDevices), tf.mul(kl, settings.klWeight)), tf.mul(sumOfSquares(params), settings.l2Weight));
    return { lowerLoss, weightedCrossEntropy, kl, gradientNorm: norm };
  });

  const seenSpec: Readonly<Record<string, TensorSpec>> = settings.causalProxy ? {} : { seen: { shape: [T], dtype: 'float32' } };
  program.entry('upperPart', { ids: tokenIds(examples, T), mask: { shape: [examples, T], dtype: 'float32' }, count: scalar, begins: scalar, ...seenSpec }, ({ ids, mask, count, begins, seen }, io) => {
    const { value, gradients } = valueAndGradients((params) => upperLoss({ proxy, params, validationIds: ids, validationMask: mask, causalProxy: settings.causalProxy, count, ...(settings.causalProxy ? {} : { seen }) }), read.proxy(io));
    addTo(io, GRADIENT, shapes.proxy, gradients, begins);
    addScalar(io, 'upperLoss', value, begins);
    return { value };
  });

  program.entry('solverBegin', { first: scalar, ...(preconditioned ? { proxyC2: scalar } : {}) }, ({ first, proxyC2 }, io) => {
    const gradient = readGroup(io, GRADIENT, shapes.proxy);
    const start = startOfZ({ start: settings.solver.start, params: read.proxy(io), previous: readGroup(io, 'z', shapes.proxy), first });
    const by = preconditioned ? { preconditioner: preconditioner({ u: readGroup(io, proxyMoments.u, shapes.proxy), c2: proxyC2 }, settings.solver) } : {};
    keep(io, solver.begin({ gradient, start, settings: settings.solver, ...by }));
    const norm = globalNorm(gradient);
    io.assign(`${SCALARS}/upperGradientNorm`, norm);
    return { norm };
  });
  for (const of of multiplied) {
    program.entry(`product_${of}`, { ids: partIds, weights: partOf, begins: scalar }, ({ ids, weights, begins }, io) => {
      addTo(io, SUM, shapes.proxy, curvaturePart({ ...lowerIn(io, ids, weights), direction: readGroup(io, vector(of), shapes.proxy) }), begins);
      return { begins };
    });
  }
  for (const [kind, { of, step }] of iterationKinds.entries()) {
    program.entry(`iteration_${kind}`, { first: scalar }, ({ first }, io) => {
      const state = kept(io);
      const product = (): NamedTensors => wholeProduct(readGroup(io, SUM, shapes.proxy), state.vectors[of ?? 'z'], settings);
      const { vectors, scalars } = step(state, product, { gradient: readGroup(io, GRADIENT, shapes.proxy), settings: settings.solver });
      keep(io, { vectors, scalars });
      return { first };
    });
  }
  program.entry('solverEnd', { first: scalar }, (_, io) => {
    const state = kept(io);
    const { z } = state.vectors;
    const residualNorm = solver.residualNorm(state);
    const before = readGroup(io, 'z', shapes.proxy);
    assignGroup(io, 'z', z);
    return {
      upperLoss: read.scalar(io, 'upperLoss'),
      zNorm: globalNorm(z),
      zCosine: cosine(z, before),
      residualNorm,
      relativeResidual: quotientOrZero(residualNorm, read.scalar(io, 'upperGradientNorm')),
      negativeCurvature: state.scalars['negativeCurvature'] ?? tf.scalar(0),
    };
  });
  program.entry('alignmentPart', { ids: partIds }, ({ ids }, io) => ({ alignment: alignment({ proxy, params: read.proxy(io), ids, causalProxy: settings.causalProxy, z: readGroup(io, 'z', shapes.proxy) }) }));
  program.entry('coefficients', { scores: wholeOf, alignment: wholeOf }, ({ scores, alignment: aligned }, io) => {
    const { coefficients } = hypergradientCoefficients({ scores, alignment: aligned, weights: settings.weights, temperature: settings.temperature });
    if (stale) assignGroup(io, 'normaliser', { ...normaliserOf(scores) });
    return { coefficients };
  });
  program.entry('scorePart', { ids: partIds, ...given, coefficients: partOf, begins: scalar }, ({ ids, features, coefficients, begins }, io) => {
    const { gradients } = valueAndGradients((params) => scoresOf(params, ids, features), read.score(io), coefficients);
    addTo(io, SCORE_SUM, shapes.score, gradients, begins);
    return { begins };
  });
  program.entry('scoreUpdate', adamInputs, ({ learningRate, c1, c2 }, io) => {
    const hypergradient = readGroup(io, SCORE_SUM, shapes.score);
    const { clipped } = clipPerTensor(hypergradient, settings.score.hypergradientClip);
    const updated = adamw({ params: read.score(io), gradients: clipped, moments: readMoments(io, scoreMoments, shapes.score), learningRate, corrections: { c1, c2 }, settings: settings.score.adam });
    assignGroup(io, 'score', updated.params);
    assignMoments(io, scoreMoments, updated.moments);
    return { hypergradientNorm: globalNorm(hypergradient) };
  });
  if (settings.ranks === true) program.entry('rank', { ids: partIds, ...given }, ({ ids, features }, io) => ({ logits: models.score.logits({ params: read.score(io), ids, features }) }), inner);
  await program.build();

  const compiled = compiledProgram(program, (name) => isWithin(WORK, name));
  const columns = settings.features?.count ?? 0;
  /** inputs of each part of a minibatch, with what else is known row by row */
  const parts = ({ ids, features, ...perRow }: { readonly ids: Int32Array; readonly features?: Float32Array | undefined } & Readonly<Record<string, Float32Array | Int32Array | undefined>>) =>
    Array.from({ length: n / rows }, (_, p) => {
      const [from, end] = [p * rows, (p + 1) * rows];
      const own = Object.fromEntries(Object.entries(perRow).flatMap(([name, values]) => (values === undefined ? [] : [[name, values.subarray(from, end)]])));
      return { ids: ids.subarray(from * T, end * T), ...(features === undefined ? {} : { features: features.subarray(from * columns, end * columns) }), ...own };
    });
  const gather = (entry: string, output: string, inputs: ReturnType<typeof parts>): Float32Array => Float32Array.from(inputs.flatMap((part) => [...floatsOf(program.call(entry, part), output)]));
  const weightsOf = (scores: Float32Array, first: number): Float32Array => floatsOf(program.call('weights', { scores, first }), 'weights');

  return {
    ...compiled,
    fresh: (groups) => compiled.fresh({ ...groups, ...(stale ? { normaliser: { max: Float32Array.of(0), sum: Float32Array.of(1) } } : {}) }),
    innerStep: ({ ids, features, learningRate, update, first }) => {
      const scores = gather('innerScores', 'scores', parts({ ids, features }));
      const weights = weightsOf(scores, Number(first));
      for (const [p, part] of parts({ ids, weights }).entries()) program.call('innerPart', { ...part, begins: Number(p === 0) });
      const outputs = program.call('innerUpdate', { learningRate, ...biasCorrections(update, settings.proxy.adam) });
      return { lowerLoss: numberOf(outputs, 'lowerLoss'), weightedCrossEntropy: numberOf(outputs, 'weightedCrossEntropy'), kl: numberOf(outputs, 'kl'), gradientNorm: numberOf(outputs, 'gradientNorm'), scores };
    },
    rank: ({ ids, features }) => gather('rank', 'logits', parts({ ids, features })),
    outerStep: ({ validationIds, validationMask, ids, features, learningRate, update, proxyUpdates, first: isFirst }) => {
      const first = Number(isFirst);
      const { count, longest } = counted(validationMask, T);
      const seen: Readonly<Record<string, Float32Array>> = settings.causalProxy ? {} : { seen: Float32Array.from({ length: T }, (_, t) => Number(t <= longest)) };
      for (let from = 0; from < m; from += examples) {
        const [at, end] = [from * T, (from + examples) * T];
        program.call('upperPart', { ids: validationIds.subarray(at, end), mask: validationMask.subarray(at, end), count, begins: Number(from === 0), ...seen });
      }
      const scores = gather('outerScores', 'scores', parts({ ids, features }));
      program.call('solverBegin', { first, ...(preconditioned ? { proxyC2: biasCorrections(proxyUpdates, settings.proxy.adam).c2 } : {}) });
      const weighted = parts({ ids, weights: weightsOf(scores, first) });
      for (const iteration of iterations) {
        if (iteration.of !== undefined) for (const [p, part] of weighted.entries()) program.call(`product_${iteration.of}`, { ...part, begins: Number(p === 0) });
        program.call(`iteration_${iterationKinds.indexOf(iteration)}`, { first });
      }
      const solved = program.call('solverEnd', { first });
      const aligned = gather('alignmentPart', 'alignment', parts({ ids }));
      const coefficients = floatsOf(program.call('coefficients', { scores, alignment: aligned }), 'coefficients');
      for (const [p, part] of parts({ ids, features, coefficients }).entries()) program.call('scorePart', { ...part, begins: Number(p === 0) });
      const updated = program.call('scoreUpdate', { learningRate, ...biasCorrections(update, settings.score.adam) });
      return {
        upperLoss: numberOf(solved, 'upperLoss'),
        scores,
        alignment: aligned,
        hypergradientNorm: numberOf(updated, 'hypergradientNorm'),
        zNorm: numberOf(solved, 'zNorm'),
        zCosine: numberOf(solved, 'zCosine'),
        residualNorm: numberOf(solved, 'residualNorm'),
        relativeResidual: numberOf(solved, 'relativeResidual'),
        negativeCurvature: numberOf(solved, 'negativeCurvature'),
      };
    },
  };
}

/** Tokens of the whole minibatch that F counts (one at position 0 is predicted from nothing), and the last position that is a target. */
function counted(mask: Float32Array, length: number): { readonly count: number; readonly longest: number } {
  let count = 0;
  let longest = 0;
  mask.forEach((value, i) => {
    const position = i % length;
    if (position > 0) count += value;
    if (value > 0) longest = Math.max(longest, position);
  });
  return { count, longest };
}
