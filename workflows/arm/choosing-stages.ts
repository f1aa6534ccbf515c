import { ApplicationFailure } from '@temporalio/workflow';
import { modelOf } from '../../config/sections/model-of.js';
import type { Ref } from '../../lib/artifacts/types.js';
import type { StageInputs } from '../../lib/stages/types.js';
import type { Arm, ArmStart, SeedContext } from './seed-context.js';
import { bilevel } from '../bilevel.js';
import { divergenceOf } from './divergence.js';
import { lexical } from '../lexical.js';
import { mates } from '../mates.js';
import { trainingRuntime } from './runtime.js';
import { scoring } from '../scoring.js';
import { shardsPerTask } from '../scoring-tasks.js';
import { selection } from '../selection.js';
import type { PipelineInput } from '../types.js';

/*
 * The stages that an arm has to choose a round's rows by, each with what it is given.
 */

export const placeIn = ({ seed }: SeedContext, arm: Arm, round: number, stage: string) => ({ stage: `seed-${seed}/${arm.name}/round-${round}/${stage}`, seed, arm: arm.name, round });

/** Models as stages get them. */
const modelsOf = ({ models }: PipelineInput['config']) => ({ ...models, proxy: modelOf(models.proxy), target: modelOf(models.target) });

/** What an arm scores rows by: learnt in this round, or the warmed-up proxy as it is. */
export interface Learnt {
  readonly scorer: Ref;
  readonly by: NonNullable<StageInputs['scoring']['by']>;
}

/** The rows of given ids: the same in every round, in which all after the first find them finished. */
export const givenStage = (context: SeedContext, arm: Arm, round: number, { corpus, path }: Pick<ArmStart, 'corpus'> & { readonly path: string }) => {
  const { config: { selection: { fraction, method, temperature, trainedRows } }, configFolder } = context.input;
  return {
    name: 'selection',
    workflow: selection,
    place: placeIn(context, arm, round, 'selection'),
    summary: `round ${round}: take the rows whose ids are in ${path}`,
    input: { input: { selector: arm.selector, fraction, method, temperature, trainedRows, corpus, group: round, scores: [], seed: `${context.seed}/round-${round}`, ids: { path, folder: configFolder } } },
  } as const;
};

export const lexicalStage = (context: SeedContext, arm: Arm, method: StageInputs['lexical']['method'], round: number, { corpus }: Pick<ArmStart, 'corpus'>) =>
  ({
    name: 'lexical',
    workflow: lexical,
    place: placeIn(context, arm, round, 'lexical'),
    summary: `round ${round}: weigh n-grams`,
    input: { input: { method, corpus, group: round, seed: `${context.seed}/round-${round}` } },
  }) as const;

/** How an arm's scores become a selection. */
export function rankedBy({ selection: { method, temperature }, mates: section }: PipelineInput['config'], { selector }: Arm): Pick<StageInputs['selection'], 'method' | 'temperature' | 'temperatureIn'> {
  if (selector === 'mates') return { method: 'gumbel-top-k', temperature: matesSection(section).temperature, temperatureIn: 'deviations' };
  return { method: selector === 'perplexity-middle' ? 'middle' : method, temperature };
}

/** @throws ApplicationFailure where the configuration was not checked */
function matesSection(section: PipelineInput['config']['mates']): NonNullable<typeof section> {
  if (section === undefined) throw ApplicationFailure.nonRetryable('an arm of selector mates needs the section mates of the configuration', 'ConfigInvalid');
  return section;
}

export function matesStage(context: SeedContext, arm: Arm, round: number, { corpus, proxy, target }: ArmStart) {
  const { config } = context.input;
  const { temperature: _, ...settings } = matesSection(config.mates);
  return {
    name: 'mates',
    workflow: mates,
    place: placeIn(context, arm, round, 'mates'),
    summary: `round ${round}: learn influences on the target`,
    input: {
      input: {
        mates: settings,
        models: modelsOf(config),
        sequenceLength: config.data.sequenceLength,
        validationLoss: config.bilevel.validationLoss,
        adam: config.pretraining.adam,
        gradientClip: config.pretraining.gradientClip,
        corpus,
        group: round,
        proxy,
        target,
        ...trainingRuntime(config),
        seed: `${context.seed}/round-${round}`,
      },
    },
  } as const;
}

export function bilevelStage(context: SeedContext, arm: Arm, round: number, from: ArmStart & { readonly scorer: Ref | null }) {
  const { config } = context.input;
  return {
    name: 'bilevel',
    workflow: bilevel,
    place: placeIn(context, arm, round, 'bilevel'),
    summary: `round ${round}: learn the score model`,
    input: {
      input: {
        bilevel: config.bilevel,
        models: modelsOf(config),
        sequenceLength: config.data.sequenceLength,
        corpus: from.corpus,
        group: round,
        proxy: from.proxy,
        target: from.target,
        scorer: config.bilevel.score.inherit ? from.scorer : null,
        ...divergenceOf(config),
        ...trainingRuntime(config),
        seed: `${context.seed}/round-${round}`,
      },
    },
  } as const;
}

/** Every row of the round's group, in parts. */
export function scoringStage(context: SeedContext, arm: Arm, round: number, { corpus, shards: all, scorer, by }: Pick<ArmStart, 'corpus' | 'shards'> & Learnt) {
  const { config } = context.input;
  const shards = all[round];
  return {
    name: 'scoring',
    workflow: scoring,
    place: placeIn(context, arm, round, 'scoring'),
    summary: `round ${round}: score group ${round}`,
    input: {
      shards,
      shardsPerTask: shardsPerTask(config, shards),
      input: {
        models: modelsOf(config),
        sequenceLength: config.data.sequenceLength,
        batchSize: config.scoring.batchSize,
        corpus,
        group: round,
        shards: { first: 0, end: shards },
        scorer,
        ...(by === 'score-model' ? {} : { by }), // what was scored before there were others is found
        compiler: config.runtime.compiler,
        precision: config.runtime.precision,
      },
    },
  } as const;
}
