import type { Ref } from '../lib/artifacts/types.js';
import type { StageInputs } from '../lib/stages/types.js';
import { bilevel } from './bilevel.js';
import { seedOfChance } from './chance.js';
import { divergenceOf } from './divergence.js';
import { evaluation } from './evaluation.js';
import { lexical } from './lexical.js';
import { scoring } from './scoring.js';
import { shardsPerTask } from './scoring-tasks.js';
import { selection } from './selection.js';
import { isLexical, isPerplexity } from './selectors.js';
import type { StageRunner, Together } from './together.js';
import { decay, pretraining } from './training.js';
import type { PipelineInput } from './types.js';

/** What all stages of one seed share. */
export interface SeedContext {
  readonly board: StageRunner;
  readonly together: Together;
  readonly input: PipelineInput;
  readonly seed: number;
}
type Arm = PipelineInput['config']['comparison']['arms'][number];
/** artifacts that every arm starts from */
export interface ArmStart {
  readonly corpus: Ref;
  /** shards of each group, by the prepare stage's summary */
  readonly shards: readonly number[];
  readonly proxy: Ref;
  readonly target: Ref;
}

/** Round after round of one arm. Decay and evaluation of a round run beside the next round; where a round fails they are cancelled and awaited. */
export async function runArm(context: SeedContext, arm: Arm, start: ArmStart): Promise<void> {
  const running: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const branches = context.together.branches();
  try {
    await runRounds(context, arm, start, (branch) => {
      // a failing side branch must not go unheard while the next round runs; it goes up when the branches are joined
      running.push(branches.run(branch).catch((error: unknown) => failures.push(error)));
    });
  } catch (error) {
    failures.unshift(error);
    branches.cancel();
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}

async function runRounds(context: SeedContext, arm: Arm, start: ArmStart, beside: (branch: () => Promise<void>) => void): Promise<void> {
  let state = start.target;
  let scorer: Ref | null = null;
  for (let round = 1; round <= context.board.lastRound; round++) {
    if (!context.board.mayBeginRound()) return; // the next execution comes here again, through the rounds that are done
    const chosen = await select(context, arm, round, { ...start, target: state, scorer });
    scorer = chosen.scorer;
    const trained = await pretrain(context, arm, round, { selection: chosen.selection, state });
    state = trained;
    beside(() => evaluateBranch(context, arm, round, { corpus: start.corpus, selection: chosen.selection, state: trained }));
  }
}

const placeIn = ({ seed }: SeedContext, arm: Arm, round: number, stage: string) => ({ stage: `seed-${seed}/${arm.name}/round-${round}/${stage}`, seed, arm: arm.name, round });

/** Rows for one round: by scores learnt in this round, by chance, or as another run chose them. */
async function select(context: SeedContext, arm: Arm, round: number, from: ArmStart & { readonly scorer: Ref | null }): Promise<{ readonly selection: Ref; readonly scorer: Ref | null }> {
  const { board, input, seed } = context;
  const { config } = input;
  if (arm.selector === 'bliss' && config.selection.from !== undefined) {
    return { selection: await context.together.resolveSelection({ from: config.selection.from, seed }), scorer: null };
  }
  const group = round;
  const { scorer, by } = await learn(context, arm, round, from);
  const scores = by === undefined ? [] : await score(context, arm, round, { corpus: from.corpus, shards: from.shards, scorer, by });
  const { fraction, method, temperature, trainedRows } = config.selection;
  const drawnBy = arm.selector === 'random' ? seedOfChance(config.selection, seed) : seed;
  const kept = await board.runOne({
    name: 'selection',
    workflow: selection,
    place: placeIn(context, arm, round, 'selection'),
    summary: `round ${round}: keep ${(100 * fraction).toFixed(0)}%`,
    input: { input: { selector: arm.selector, fraction, method: arm.selector === 'perplexity-middle' ? 'middle' : method, temperature, trainedRows, corpus: from.corpus, group, scores, seed: `${drawnBy}/round-${round}` } },
  });
  return { selection: kept.ref, scorer: arm.selector === 'bliss' ? scorer : null };
}

type Learnt = { readonly scorer: Ref; readonly by: NonNullable<StageInputs['scoring']['by']> } | { readonly scorer: null; readonly by?: undefined };

/** What the arm scores rows by: learnt in this round, or the warmed-up proxy as it is. */
async function learn(context: SeedContext, arm: Arm, round: number, from: ArmStart & { readonly scorer: Ref | null }): Promise<Learnt> {
  const { board, input, seed } = context;
  const { config } = input;
  const group = round;
  if (isPerplexity(arm.selector)) return { scorer: from.proxy, by: 'perplexity' };
  if (isLexical(arm.selector)) {
    const weighed = await board.runOne({
      name: 'lexical',
      workflow: lexical,
      place: placeIn(context, arm, round, 'lexical'),
      summary: `round ${round}: weigh n-grams`,
      input: { input: { method: arm.selector, corpus: from.corpus, group, seed: `${seed}/round-${round}` } },
    });
    return { scorer: weighed.ref, by: 'lexical' };
  }
  if (arm.selector !== 'bliss') return { scorer: null };
  const learnt = await board.runOne({
    name: 'bilevel',
    workflow: bilevel,
    place: placeIn(context, arm, round, 'bilevel'),
    summary: `round ${round}: learn the score model`,
    input: {
      input: {
        bilevel: config.bilevel,
        models: config.models,
        sequenceLength: config.data.sequenceLength,
        corpus: from.corpus,
        group,
        proxy: from.proxy,
        target: from.target,
        scorer: config.bilevel.score.inherit ? from.scorer : null,
        ...divergenceOf(config),
        compiler: config.runtime.compiler,
        precision: config.runtime.precision,
        recompute: config.runtime.recompute,
        numerics: config.runtime.numerics,
        seed: `${seed}/round-${round}`,
      },
    },
  });
  return { scorer: learnt.ref, by: 'score-model' };
}

/** Scores of every row of the round's group, in parts. */
async function score(context: SeedContext, arm: Arm, round: number, { corpus, shards: all, scorer, by }: Pick<ArmStart, 'corpus' | 'shards'> & { readonly scorer: Ref; readonly by: NonNullable<StageInputs['scoring']['by']> }): Promise<readonly Ref[]> {
  const { board, input: { config } } = context;
  const group = round;
  const shards = all[group];
  const scored = await board.run({
    name: 'scoring',
    workflow: scoring,
    place: placeIn(context, arm, round, 'scoring'),
    summary: `round ${round}: score group ${group}`,
    input: {
      shards,
      shardsPerTask: shardsPerTask(config, shards),
      input: {
        models: config.models,
        sequenceLength: config.data.sequenceLength,
        batchSize: config.scoring.batchSize,
        corpus,
        group,
        shards: { first: 0, end: shards },
        scorer,
        ...(by === 'score-model' ? {} : { by }), // what was scored before there were others is found
        compiler: config.runtime.compiler,
        precision: config.runtime.precision,
      },
    },
  });
  return scored.map(({ ref }) => ref);
}

async function pretrain(context: SeedContext, arm: Arm, round: number, { selection: rows, state }: { readonly selection: Ref; readonly state: Ref }): Promise<Ref> {
  const { config } = context.input;
  const { pretraining: section } = config;
  const trained = await context.board.runOne({
    name: 'training',
    workflow: pretraining,
    place: placeIn(context, arm, round, 'pretraining'),
    summary: `round ${round}: pretrain the target on the selection`,
    input: {
      input: {
        ...targetTraining(context, round, rows),
        purpose: 'pretraining',
        start: { state },
        steps: section.steps,
        schedule: { type: 'wsd', peak: peakLearningRate(context, round), warmUpSteps: round === 1 ? section.warmUpSteps : 0 },
      },
    },
  });
  return trained.ref;
}

async function evaluateBranch(context: SeedContext, arm: Arm, round: number, from: { readonly corpus: Ref; readonly selection: Ref; readonly state: Ref }): Promise<void> {
  const { board, input } = context;
  const { config } = input;
  const decayed = await board.runOne({
    name: 'training',
    workflow: decay,
    place: placeIn(context, arm, round, 'decay'),
    summary: `round ${round}: decay branch for evaluation`,
    input: {
      input: {
        ...targetTraining(context, round, from.selection),
        purpose: 'decay',
        start: { state: from.state },
        steps: config.pretraining.decay.steps,
        schedule: { type: 'decay', peak: peakLearningRate(context, round), halfLife: config.pretraining.decay.halfLife },
      },
    },
  });
  await board.runOne({
    name: 'evaluation',
    workflow: evaluation,
    place: placeIn(context, arm, round, 'evaluation'),
    summary: `round ${round}: evaluate on held-out text`,
    input: {
      input: {
        model: config.models.target,
        vocabularySize: config.models.vocabularySize,
        sequenceLength: config.data.sequenceLength,
        corpus: from.corpus,
        state: decayed.ref,
        sets: config.evaluation.sets,
        batchSize: config.evaluation.batchSize,
        compiler: config.runtime.compiler,
        ...(config.evaluation.tasks === undefined ? {} : { tasks: { of: config.evaluation.tasks, folder: input.configFolder } }),
      },
    },
  });
}

/** The release halves the peak from each round to the next.  @see method §5 */
function peakLearningRate({ input }: SeedContext, round: number): number {
  const { peakLearningRate: peak, peakLearningRatePerRound: perRound } = input.config.pretraining;
  return perRound === 'halved' ? peak * 0.5 ** (round - 1) : peak;
}

function targetTraining({ input, seed }: SeedContext, round: number, rows: Ref) {
  const { config } = input;
  return {
    model: config.models.target,
    vocabularySize: config.models.vocabularySize,
    sequenceLength: config.data.sequenceLength,
    selection: rows,
    batchSize: config.pretraining.batchSize,
    ...(config.pretraining.microBatchSize === undefined ? {} : { microBatchSize: config.pretraining.microBatchSize }),
    gradientClip: config.pretraining.gradientClip,
    adam: config.pretraining.adam,
    checkpointEvery: config.pretraining.checkpointEvery,
    ...divergenceOf(config),
    compiler: config.runtime.compiler,
    precision: config.runtime.precision,
    recompute: config.runtime.recompute,
    numerics: config.runtime.numerics,
    // the arms see their rows in orders of the same seed: they differ by the selection alone
    seed: `${seed}/round-${round}`,
  };
}
