import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { alignment, exactWeights, hessianProduct, innerStep, lowerLoss, outerStep, targetStates, type BilevelModels, type BilevelSettings, type CurvatureProduct, type LowerLossInput, type Normaliser } from '../../lib/bilevel/index.js';
import { startOfZ } from '../../lib/bilevel/z-solvers/index.js';
import type { Moments } from '../../lib/optim/index.js';
import { Program, valueAndGradients, type EntryIO, type NamedArrays, type NamedTensors, type TensorSpec } from '../../lib/tensor/index.js';
import type { Mode } from './modes.js';
import { modelsOf, settingsOf, type Recording, type StepRecord, type Weights } from './recording.js';
import { flatten, Shapes, type NamedValues } from './values.js';

const scalar: TensorSpec = { shape: [], dtype: 'float32' };
const adam = { learningRate: scalar, c1: scalar, c2: scalar, first: scalar };
const tokens = (rows: readonly (readonly number[])[]): TensorSpec => ({ shape: [rows.length, rows[0].length], dtype: 'int32' });
export const flatIds = (rows: readonly (readonly number[])[]): Int32Array => Int32Array.from(rows.flat());

/** groups of state: the variables are `group/tensor` */
const groups = ['proxy', 'proxy.m', 'proxy.u', 'score', 'score.m', 'score.u', 'target', 'z'] as const;
type Group = (typeof groups)[number];

/** The point of an outer step at which everything but θ_s is settled, within an entry. */
export interface Point {
  readonly models: BilevelModels;
  readonly settings: BilevelSettings;
  readonly score: NamedTensors;
  readonly lower: LowerLossInput;
  readonly curvature: CurvatureProduct;
}

export interface RecordedProgram {
  readonly program: Program;
  /** one entry more, at the point of an outer step: `ids` is its minibatch, `weights` its P_i */
  atPoint(name: string, body: (point: Point, io: EntryIO) => object): void;
  /** group `direction`, of θ_p's shapes, for entries that take a vector */
  direction(io: EntryIO): NamedTensors;
  /** the first state: weights, zeros */
  start(): NamedArrays;
  call(entry: string, inputs: Parameters<Program['call']>[1]): NamedValues;
}

/**
 * The library's step functions over the models of a recording, as entries of one program in any of the three modes, with all that they
 * give as outputs: `inner`, and an outer step for each shape of a validation batch, as the release's proxy sees the padding.
 */
export function recordedProgram({ recording, weights, mode, logitsAtOnce }: { readonly recording: Recording; readonly weights: Weights; readonly mode: Mode; readonly logitsAtOnce?: number }): RecordedProgram {
  const models = modelsOf(recording, { logitsAtOnce });
  const settings = settingsOf(recording);
  const [train] = recording.trainBatches;
  const program = new Program('recorded', { mode });
  const shapes = new Shapes();
  const like = { proxy: weights.proxy, 'proxy.m': weights.proxy, 'proxy.u': weights.proxy, score: weights.score, 'score.m': weights.score, 'score.u': weights.score, target: weights.target, z: weights.proxy, direction: weights.proxy };
  for (const [group, { shapes: own }] of Object.entries(like)) for (const [name, shape] of Object.entries(own)) program.variable(`${group}/${name}`, shape);
  program.variable('normaliser/max', []).variable('normaliser/sum', []);

  const read = (io: EntryIO, group: Group | 'direction'): NamedTensors => Object.fromEntries(Object.keys(like[group].shapes).map((name) => [name, io.read(`${group}/${name}`)]));
  const assign = (io: EntryIO, group: Group, values: NamedTensors): void => Object.entries(values).forEach(([name, value]) => io.assign(`${group}/${name}`, value));
  const moments = (io: EntryIO, group: 'proxy' | 'score'): Moments => ({ m: read(io, `${group}.m`), u: read(io, `${group}.u`) });
  const normaliser = (io: EntryIO): Normaliser => ({ max: io.read('normaliser/max'), sum: io.read('normaliser/sum') });
  const entry = (name: string, inputs: Readonly<Record<string, TensorSpec>>, body: (given: NamedTensors, io: EntryIO) => object): void => {
    program.entry(name, inputs, (given, io) => shapes.note(name, flatten(body(given, io))));
  };
  const pointOf = ({ proxy, score, target, ids, weights: p }: { readonly proxy: NamedTensors; readonly score: NamedTensors; readonly target: NamedTensors; readonly ids: Tensor; readonly weights: Tensor }): Point => {
    const lower: LowerLossInput = { proxy: models.proxy, params: proxy, batch: { ids, weights: p, target: targetStates({ target: models.target, params: target, ids }) }, settings };
    return { models, settings, score, lower, curvature: hessianProduct(lower) };
  };

  entry('inner', { ids: tokens(train), ...adam }, ({ ids, learningRate, c1, c2, first }, io) => {
    const { proxy, moments: moved, ...rest } = innerStep({ models, settings, proxy: read(io, 'proxy'), proxyMoments: moments(io, 'proxy'), score: read(io, 'score'), target: read(io, 'target'), ids, learningRate, corrections: { c1, c2 }, normaliser: normaliser(io), first });
    assign(io, 'proxy', proxy);
    assign(io, 'proxy.m', moved.m);
    assign(io, 'proxy.u', moved.u);
    return { proxy, momentum: moved.m, ...rest };
  });

  const validations = new Map(recordedSteps(recording).map((step) => validationOf(recording, step)).map((validation) => [outerEntry(validation), validation]));
  for (const [name, { inputIds: validation }] of validations) {
    const inputs = { ids: tokens(train), validationIds: tokens(validation), validationMask: { ...tokens(validation), dtype: 'float32' as const }, ...adam };
    entry(name, inputs, ({ ids, validationIds, validationMask, learningRate, c1, c2, first }, io) => {
      const [proxy, score, target] = [read(io, 'proxy'), read(io, 'score'), read(io, 'target')];
      // decides the stale weights and the rounding of z's start
      const { moments: moved, ...rest } = outerStep({ models, settings, proxy, score, scoreMoments: moments(io, 'score'), target, z: read(io, 'z'), normaliser: normaliser(io), validationIds, validationMask, ids, learningRate, corrections: { c1, c2 }, first });
      const { lower } = pointOf({ proxy, score, target, ids, weights: rest.weights });
      const { gradients } = valueAndGradients((params) => lowerLoss({ ...lower, params }).loss, proxy);
      const start = startOfZ({ start: 'release', params: proxy, previous: proxy, first }) ?? {};
      const alignmentOfStart = alignment({ proxy: models.proxy, params: proxy, ids, causalProxy: settings.causalProxy, z: start });
      assign(io, 'score', rest.score);
      assign(io, 'score.m', moved.m);
      assign(io, 'score.u', moved.u);
      assign(io, 'z', rest.z);
      io.assign('normaliser/max', rest.normaliser.max);
      io.assign('normaliser/sum', rest.normaliser.sum);
      return { ...rest, exactWeights: exactWeights({ scores: rest.scores, weights: settings.weights }), lower: lowerLoss(lower), lowerGradient: gradients, start, alignmentOfStart };
    });
  }

  return {
    program,
    atPoint: (name, body) =>
      entry(name, { ids: tokens(train), weights: { shape: [train.length], dtype: 'float32' } }, ({ ids, weights: p }, io) => body(pointOf({ proxy: read(io, 'proxy'), score: read(io, 'score'), target: read(io, 'target'), ids, weights: p }), io)),
    direction: (io) => read(io, 'direction'),
    start: () => {
      const state: Record<string, Float32Array> = {};
      for (const [name, { shape }] of program.variables) state[name] = new Float32Array(shape.reduce((product, size) => product * size, 1));
      for (const group of ['proxy', 'score', 'target'] as const) for (const [name, array] of Object.entries(weights[group].arrays)) state[`${group}/${name}`] = Float32Array.from(array);
      return state;
    },
    call: (name, inputs) => shapes.of(name, program.call(name, inputs)),
  };
}

type Validation = Pick<StepRecord['val'], 'inputIds' | 'labels'>;

/**
 * The validation batch of a step: for a causal proxy, which no padding reaches, padded to the largest of the recording, so that one
 * compiled step serves all.
 */
export function validationOf(recording: Recording, { val }: StepRecord): Validation {
  if (!recording.model.proxyCausal) return val;
  const all = recordedSteps(recording).map((step) => step.val.inputIds);
  const [rows, length] = [Math.max(...all.map((ids) => ids.length)), Math.max(...all.map(([first]) => first.length))];
  const padded = (given: readonly (readonly number[])[], by: number): number[][] =>
    Array.from({ length: rows }, (_, i) => Array.from({ length }, (__, t) => (i < given.length && t < given[i].length ? given[i][t] : by)));
  return { inputIds: padded(val.inputIds, 0), labels: padded(val.labels, -1) };
}

export const recordedSteps = ({ steps }: Recording): readonly StepRecord[] => steps.float64 ?? steps.float32 ?? [];

export const outerEntry = ({ inputIds }: Validation): string => `outer_${inputIds.length}x${inputIds[0].length}`;
