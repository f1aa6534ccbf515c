import type { TokenBatch } from '../../data/index.js';
import { BlissError } from '../../errors.js';
import { influenceTargets, spearman, type ProbePlan } from '../../influence/index.js';
import { createModel, createScoreModel } from '../../models/index.js';
import { warmUpThenCosine } from '../../optim/index.js';
import { groupOf } from '../../programs/state-variables.js';
import type { RegressionProgram } from '../../programs/types.js';
import type { NamedArrays } from '../../tensor/index.js';
import type { Shards } from '../contents/index.js';
import type { ProbedRow } from './probed-rows.js';
import { readArrays } from '../state.js';
import type { MatesInput, StageContext } from '../types.js';

export interface FitInfluence {
  readonly input: MatesInput;
  readonly context: StageContext;
  readonly group: Shards;
  readonly plan: ProbePlan;
  readonly probes: readonly ProbedRow[];
  readonly program: RegressionProgram;
  /** to go on from: steps done and their state */
  readonly from: { readonly step: number; readonly state: NamedArrays } | undefined;
  /** after each step */
  onStep(step: number, figures: Readonly<Record<string, number>>): Promise<void>;
}

export interface FittedInfluence {
  readonly score: NamedArrays;
  /** of rows that were held out, by index; in deviations above the mean */
  readonly predictions: ReadonlyMap<number, number>;
  readonly facts: { readonly influenceMean: number; readonly influenceDeviation: number; readonly heldOutLoss: number; readonly heldOutSpearman: number };
}

/**
 * Fits a score model of the warmed-up proxy's backbone and a fresh head to the influences of the probed rows; anew in every round. After each pass it is
 * held against the probes that it did not learn from.  @see method §9
 */
export async function fitInfluence({ input, context, group, plan, probes, program, from, onStep }: FitInfluence): Promise<FittedInfluence> {
  const { mates: { batchSize, peakLearningRate: peak, warmUpFraction }, sequenceLength, seed } = input;
  const influences = new Map(probes.map(({ index, influence }) => [index, influence]));
  const influenceOf = (index: number): number => influences.get(index) ?? Number.NaN; // the plan's rows are the probed ones
  const targets = influenceTargets(Array.from(plan.fitted, influenceOf));
  const heldOut = await readRows(context, group, plan.heldOut, seed);
  const first = from?.step ?? 0;
  const feeder = await context.feed({ ...group, batchSize, subset: plan.fitted, requests: Array.from({ length: plan.steps - first }, (_, i) => ({ kind: 'ordered', seed: `${seed}/regression`, step: first + i }) as const) });
  program.setState(from?.state ?? (await freshState(input, context, program)));

  const judged = (): Pick<FittedInfluence, 'predictions'> & { readonly heldOutLoss: number; readonly heldOutSpearman: number } => {
    const predictions = predict({ rows: heldOut, batchSize, sequenceLength, program });
    const wanted = Array.from(predictions.keys(), (index) => targets.of(influenceOf(index)));
    const said = [...predictions.values()];
    const correlation = spearman(said, wanted);
    return {
      predictions,
      heldOutLoss: said.reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0) / said.length,
      heldOutSpearman: Number.isNaN(correlation) ? 0 : correlation, // one prediction for all rows tells none apart
    };
  };
  const pass = (steps: number): number => Math.floor((steps * batchSize) / plan.fitted.length);
  for (let step = first; step < plan.steps; step++) {
    const { tokens: ids, indices, ids: rows } = await feeder.next();
    const learningRate = warmUpThenCosine({ step, peak, warmUpSteps: Math.round(warmUpFraction * plan.steps), totalSteps: plan.steps });
    const { loss, gradientNorm } = program.fit({ ids, targets: Float32Array.from(indices, (index) => targets.of(influenceOf(index))), learningRate, update: step + 1 });
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new BlissError({ code: 'LossDiverged', message: `regression, step ${step + 1}: loss ${loss}, gradientNorm ${gradientNorm}; rows of the step: ${rows.join(', ')}`, fix: 'lower mates.peakLearningRate' });
    }
    const done = step + 1;
    const { heldOutLoss, heldOutSpearman } = pass(done) > pass(step) || done === plan.steps ? judged() : {};
    await onStep(done, { regressionLoss: loss, gradientNorm, learningRate, ...(heldOutLoss === undefined || heldOutSpearman === undefined ? {} : { heldOutLoss, heldOutSpearman }) });
  }
  const { predictions, ...correlation } = judged();
  return { score: groupOf(program.getState(), 'score'), predictions, facts: { influenceMean: targets.mean, influenceDeviation: targets.deviation, ...correlation } };
}

async function freshState({ models: { proxy: config, vocabularySize }, proxy: warm, seed }: MatesInput, context: StageContext, program: RegressionProgram): Promise<NamedArrays> {
  const proxy = await readArrays(await context.store.open(warm), 'weights.safetensors');
  return program.fresh({ score: createScoreModel(createModel(config)).fromProxy({ proxy, vocabularySize, seed: `${seed}/score` }) });
}

/** Each row once, in an order of its own. */
async function readRows(context: StageContext, group: Shards, rows: Uint32Array, seed: string): Promise<TokenBatch[]> {
  const feeder = await context.feed({ ...group, batchSize: 1, subset: rows, requests: Array.from(rows, (_, step) => ({ kind: 'ordered', seed: `${seed}/held-out`, step }) as const) });
  const read: TokenBatch[] = [];
  while (read.length < rows.length) read.push(await feeder.next());
  await feeder.close();
  return read;
}

/** The last batch is filled up with its first row. */
function predict({ rows, batchSize, sequenceLength, program }: { readonly rows: readonly TokenBatch[]; readonly batchSize: number; readonly sequenceLength: number; readonly program: RegressionProgram }): Map<number, number> {
  const predictions = new Map<number, number>();
  for (let start = 0; start < rows.length; start += batchSize) {
    const own = rows.slice(start, start + batchSize);
    const ids = new Int32Array(batchSize * sequenceLength);
    for (let i = 0; i < batchSize; i++) ids.set((own[i] ?? own[0]).tokens, i * sequenceLength);
    const logits = program.predict(ids);
    own.forEach(({ indices: [index] }, i) => predictions.set(index, logits[i]));
  }
  return predictions;
}
