import type { Ref } from '../../lib/artifacts/types.js';
import { modelOf } from '../../config/sections/model-of.js';
import type { WhichModel } from '../../config/sections/models.js';
import { isSelectorOf, type ScoredBy } from '../../config/tables/selectors.js';
import type { LearningStageName } from '../../config/tables/stages.js';
import type { StageInputs, StageResult } from '../../lib/stages/types.js';
import { bilevel } from '../bilevel.js';
import { plainStage, type StageWorkflowInput } from '../stage/index.js';
import { divergenceOf } from './divergence.js';
import { trainingRuntime } from './runtime.js';
import type { Arm, ArmStart, SeedContext } from './seed-context.js';
import { bilevelSection, colorSection, matesSection, modelsOf } from './sections.js';

/*
 * Stages by which an arm learns in each round what rows are worth: the workflow of each, by the name of its stage, and what it is given. Whatever function
 * is exported here is a workflow (workflows/index.ts).
 */

/** N-gram weights of a selector without tensors.  @see method §9 */
export const lexical = plainStage('lexical', ({ method, group }) => `${method}: weigh n-grams of group ${group}`);

/** Probes what single rows do to the target, and learns to predict it.  @see method §9 */
export const mates = plainStage('mates', ({ mates: { probes, epochs } }) => `learn influences: ${probes} probes, ${epochs} passes over them`);

/** The proxy after a short fine-tune on the validation set.  @see method §9 */
export const color = plainStage('color', ({ color: { steps } }) => `fine-tune the proxy on the validation set: ${steps} steps`);

/** The target as a round finds it, after a short fine-tune on the validation set.  @see method §9 */
export const recolor = plainStage('recolor', ({ color: { steps } }) => `fine-tune the target on the validation set: ${steps} steps`);

/** Representations of the validation set.  @see method §9 */
export const repsim = plainStage('repsim', () => 'gather representations of the validation set');
/** Gradients of the validation set.  @see method §9 */
export const gradsim = plainStage('gradsim', () => 'gather gradients of the validation set');

/** Of which arm and round, and what there is by then. */
export interface LearnFrom {
  readonly context: SeedContext;
  readonly arm: Arm;
  readonly round: number;
  readonly start: ArmStart & {
    /** what scored the round before; null in the first */
    readonly scorer: Ref | null;
    /** of the score model: what rows are scored by for each; absent: it has none */
    readonly features?: readonly { readonly by: ScoredBy; readonly scorer: Ref }[];
  };
}

interface Learning<Name extends LearningStageName> {
  readonly workflow: (workflow: StageWorkflowInput<Name>) => Promise<StageResult>;
  /** after ‘round 1: ’, for the UI */
  readonly summary: string;
  readonly input: (from: LearnFrom) => StageInputs[Name];
}

const likenedBy = ({ input: { config } }: SeedContext, { corpus, proxy }: ArmStart) => ({
  model: modelOf(config.models.proxy),
  vocabularySize: config.models.vocabularySize,
  sequenceLength: config.data.sequenceLength,
  corpus,
  proxy,
  compiler: config.runtime.compiler,
});

const fineTuneOf = ({ input: { config } }: SeedContext, which: WhichModel) => ({
  color: colorSection(config),
  model: modelOf(config.models[which]),
  vocabularySize: config.models.vocabularySize,
  sequenceLength: config.data.sequenceLength,
  adam: config.warmUp.adam,
  gradientClip: config.warmUp.gradientClip,
  ...trainingRuntime(config),
});

/** What each such stage is given. Another field is another key: finished stages of earlier versions would not be found. */
export const LEARNING: { readonly [Name in LearningStageName]: Learning<Name> } = {
  bilevel: {
    workflow: bilevel,
    summary: 'learn the score model',
    input: ({ context: { input: { config }, seed }, round, start: { corpus, proxy, target, scorer, features } }) => ({
      bilevel: bilevelSection(config, round),
      models: modelsOf(config),
      sequenceLength: config.data.sequenceLength,
      corpus,
      group: round,
      proxy,
      target,
      scorer: config.bilevel.score.inherit ? scorer : null,
      ...(features === undefined ? {} : { features }),
      ...divergenceOf(config),
      ...trainingRuntime(config),
      seed: `${seed}/round-${round}`,
    }),
  },
  lexical: {
    workflow: lexical,
    summary: 'weigh n-grams',
    input: ({ context: { seed }, arm: { selector: method }, round, start: { corpus } }) => {
      if (!isSelectorOf('lexical', method)) throw new RangeError(`an arm of selector ${method} weighs no n-grams`);
      return { method, corpus, group: round, seed: `${seed}/round-${round}` };
    },
  },
  mates: {
    workflow: mates,
    summary: 'learn influences on the target',
    input: ({ context: { input: { config }, seed }, round, start: { corpus, proxy, target } }) => {
      const { temperature: _, ...settings } = matesSection(config);
      return {
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
        seed: `${seed}/round-${round}`,
      };
    },
  },
  color: {
    workflow: color,
    summary: 'fine-tune the proxy on the validation set',
    // nothing of the round: all rounds after the first find it finished
    input: ({ context, start: { corpus, proxy } }) => ({ ...fineTuneOf(context, 'proxy'), corpus, prior: proxy, seed: `${context.seed}/color` }),
  },
  // nothing of the round in either: all rounds after the first find them finished
  repsim: { workflow: repsim, summary: 'gather representations of the validation set', input: ({ context, start }) => likenedBy(context, start) },
  gradsim: {
    workflow: gradsim,
    summary: 'gather gradients of the validation set',
    input: ({ context, start }) => ({ ...likenedBy(context, start), validationLoss: context.input.config.bilevel.validationLoss }),
  },
  recolor: {
    workflow: recolor,
    summary: 'fine-tune the target on the validation set',
    input: ({ context, round, start: { corpus, target } }) => ({ ...fineTuneOf(context, 'target'), corpus, prior: target, seed: `${context.seed}/round-${round}/recolor` }),
  },
};
