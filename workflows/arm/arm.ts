import { isCancellation } from '@temporalio/workflow';
import { modelOf } from '../../config/sections/model-of.js';
import { otherSelection } from '../../config/sections/other-selection.js';
import { featuresOf, isGiven, selectorRow } from '../../config/tables/selectors.js';
import type { PipelineInput } from '../types.js';
import type { StageInputs } from '../../lib/stages/types.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { seedOfChance } from './chance.js';
import { givenStage, learningStage, placeIn, rankedBy, scoringStage, type Learnt } from './choosing-stages.js';
import { divergenceOf } from './divergence.js';
import { evaluation } from '../evaluation.js';
import { trainingRuntime } from './runtime.js';
import type { Arm, ArmStart, SeedContext } from './seed-context.js';
import { selection } from '../plain-stages.js';
import { decay, pretraining } from '../training.js';

/**
 * Round after round of one arm. Decay and evaluation of a round run beside the next round; where a round fails they are cancelled and awaited.
 * Where one of them fails, no other round begins, or the arm goes on without it: the board has told of it by then.
 */
export async function runArm(context: SeedContext, arm: Arm, start: ArmStart): Promise<void> {
  const running: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const branches = context.together.branches();
  const goesOn = context.input.config.evaluation.onFailure === 'continue';
  const failed = (error: unknown): void => {
    if (!goesOn || isCancellation(error)) failures.push(error);
  };
  const beside: Beside = {
    run: (branch) => running.push(branches.run(branch).catch(failed)),
    check: () => {
      if (failures.length > 0 && context.together.endsAtFailure()) throw failures[0];
    },
  };
  try {
    await runRounds(context, arm, start, beside);
  } catch (error) {
    if (failures[0] !== error) failures.unshift(error);
    branches.cancel();
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}

/** What an arm lets run beside its next rounds. */
interface Beside {
  run(branch: () => Promise<void>): void;
  /** before a round begins: @throws what one of them has failed with */
  check(): void;
}

async function runRounds(context: SeedContext, arm: Arm, start: ArmStart, beside: Beside): Promise<void> {
  let state = start.target;
  let scorer: Ref | null = null;
  for (let round = 1; round <= context.board.lastRound; round++) {
    beside.check();
    if (!context.board.mayBeginRound()) return; // the next execution comes here again, through the rounds that are done
    // without an await where there is nothing to look at: open runs replay what they began with
    const checked = checkTasks(context);
    if (checked !== undefined) await checked;
    const chosen = await select(context, arm, round, { ...start, target: state, scorer });
    scorer = chosen.scorer;
    const trained = await pretrain(context, arm, round, { corpus: start.corpus, selection: chosen.selection, state });
    state = trained;
    beside.run(() => evaluateBranch(context, arm, round, { corpus: start.corpus, selection: chosen.selection, state: trained }));
  }
}

/** What would fail a round's evaluation is told before the round. undefined: nothing to look at */
function checkTasks({ together, input: { config: { evaluation: { tasks, onFailure } }, configFolder } }: SeedContext): Promise<void> | undefined {
  return tasks === undefined || onFailure === 'continue' ? undefined : together.checkTasks({ tasks: { of: tasks, folder: configFolder } });
}

/** Rows for one round: by scores learnt in this round, by chance, or as another run chose them. */
async function select(context: SeedContext, arm: Arm, round: number, from: ArmStart & { readonly scorer: Ref | null }): Promise<{ readonly selection: Ref; readonly scorer: Ref | null }> {
  const { board, input, seed } = context;
  const { config } = input;
  if (isGiven(arm.selector, config.selection) && config.selection.from !== undefined) {
    if (otherSelection(config.selection.from) !== undefined) return { selection: await context.together.resolveSelection({ from: config.selection.from, seed }), scorer: null };
    return { selection: (await board.runOne(givenStage(context, arm, round, { ...from, path: config.selection.from }))).ref, scorer: null };
  }
  const group = round;
  // every stage is awaited right here: another promise between would change which of two arms' next stages begins first, and open runs replay that
  const { stage, scoredBy: by, ranking } = selectorRow(arm.selector);
  let learnt: Learnt | undefined;
  const features = featuresOf(arm.selector, config);
  const given: Learnt[] = [];
  for (const selector of features) {
    const row = selectorRow(selector);
    const scorer = row.stage === null ? from.proxy : (await board.runOne(learningStage(row.stage, { context, arm: { ...arm, selector }, round, start: from }))).ref;
    if (row.scoredBy !== null) given.push({ scorer, by: row.scoredBy });
  }
  if (by !== null) learnt = { scorer: stage === null ? from.proxy : (await board.runOne(learningStage(stage, { context, arm, round, start: { ...from, ...(features.length === 0 ? {} : { features: given }) } }))).ref, by };
  const scores = learnt === undefined ? [] : (await board.run(scoringStage(context, arm, round, { ...from, ...learnt }))).map(({ ref }) => ref);
  const { fraction, trainedRows, redundancy } = config.selection;
  const drawnBy = arm.selector === 'random' ? seedOfChance(config.selection, seed) : seed;
  const ranked = rankedBy(config, arm);
  // each arm has noise of its own: what two had in common would be in both selections, and the arm of chance's rows would come with it
  const isNoisy = by !== null && ranked.method === 'gumbel-top-k' && (input.noise === undefined ? context.together.hasNoiseOfArm() : input.noise === 'arm');
  const drawn = isNoisy ? `round-${round}/${arm.name}` : ranking?.method === 'gumbel-top-k' ? `round-${round}/${arm.selector}` : `round-${round}`;
  const kept = await board.runOne({
    name: 'selection',
    workflow: selection,
    place: placeIn(context, arm, round, 'selection'),
    summary: `round ${round}: keep ${(100 * fraction).toFixed(0)}%`,
    input: { input: { selector: arm.selector, fraction, ...ranked, trainedRows, ...(redundancy === undefined || by === null ? {} : { redundancy }), corpus: from.corpus, group, scores, seed: `${drawnBy}/${drawn}` } },
  });
  return { selection: kept.ref, scorer: learnt?.by === 'score-model' ? learnt.scorer : null };
}

/** Absent where it is not asked for: finished stages of before are found. */
function heldOutCurve({ evaluation: { everySteps: every, sets, batchSize } }: PipelineInput['config'], corpus: Ref): Pick<StageInputs['training'], 'heldOut'> {
  return every === undefined ? {} : { heldOut: { corpus, set: sets.includes('test') ? 'test' : 'tuning', every, batchSize } };
}

async function pretrain(context: SeedContext, arm: Arm, round: number, { corpus, selection: rows, state }: { readonly corpus: Ref; readonly selection: Ref; readonly state: Ref }): Promise<Ref> {
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
        ...heldOutCurve(config, corpus),
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
        model: modelOf(config.models.target),
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
    model: modelOf(config.models.target),
    vocabularySize: config.models.vocabularySize,
    sequenceLength: config.data.sequenceLength,
    selection: rows,
    batchSize: config.pretraining.batchSize,
    ...(config.pretraining.microBatchSize === undefined ? {} : { microBatchSize: config.pretraining.microBatchSize }),
    gradientClip: config.pretraining.gradientClip,
    adam: config.pretraining.adam,
    checkpointEvery: config.pretraining.checkpointEvery,
    ...divergenceOf(config),
    ...trainingRuntime(config),
    // the arms see their rows in orders of the same seed: they differ by the selection alone
    seed: `${seed}/round-${round}`,
  };
}
