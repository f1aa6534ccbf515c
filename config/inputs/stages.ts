import { z } from 'zod';
import { runFields } from '../schema.js';
import { bilevelSchema } from '../sections/bilevel.js';
import { colorSchema } from '../sections/color.js';
import { fraction, identifier, naturalNumber, nonNegative, positive, positiveInteger } from '../sections/common.js';
import { dataSchema, heldOutSchema, tokenizerSchema } from '../sections/data.js';
import { divergenceSchema } from '../sections/divergence.js';
import { matesSchema } from '../sections/mates.js';
import { modelSchema, modelsSchema } from '../sections/models.js';
import { submittedNoticesSchema } from '../sections/notices.js';
import { comparisonSchema, evaluationSchema, runtimeSchema, selectionSchema } from '../sections/run.js';
import { oracleSchema } from '../sections/oracle.js';
import { adamSchema } from '../sections/training.js';
import { SCORED_BY, selectorsOf } from '../tables/selectors.js';
import { STAGE_NAMES, type StageName } from '../tables/stages.js';
import { place, refSchema, runName, stagePath } from './names.js';

/*
 * What stages take, as activities and workflows of this version and of earlier ones hand it on. What no type of lib/stages/types.ts writes out is typed by its schema.
 */

/** Of a run as it was submitted, to this version or to an earlier one. What fields say together was checked then. */
export const submittedConfigSchema = runFields.extend({ notices: submittedNoticesSchema.optional() });

const stageName = z.enum(STAGE_NAMES);
const seed = z.string().max(400);
const seedNumber = naturalNumber.nullable();
const vocabularySize = positiveInteger;
const sequenceLength = dataSchema.shape.sequenceLength;
const group = naturalNumber;
const computed = { compiler: runtimeSchema.shape.compiler, precision: runtimeSchema.shape.precision };
const trained = { ...computed, recompute: runtimeSchema.shape.recompute, numerics: runtimeSchema.shape.numerics, seed };

/** Which stage of which run. */
export const placeSchema = z.object({ run: runName, stage: stagePath, seed: seedNumber, arm: identifier.nullable(), round: positiveInteger.nullable() });

const results = z.array(z.object({ ref: refSchema, summary: z.record(z.string(), z.unknown()), cached: z.boolean() }));
export const finishedStageSchema = z.object({ stage: stagePath, name: stageName, seed: seedNumber, arm: identifier.nullable(), round: positiveInteger.nullable(), results });
export const failedStageSchema = z.object({ stage: stagePath, seed: seedNumber, arm: identifier.nullable(), round: positiveInteger.nullable(), reason: z.string() });
export const forkedSchema = z.object({ from: runName, stage: stagePath });

/** what a feature's scores are made by */
const featureSchema = z.object({ by: z.enum(SCORED_BY), scorer: refSchema });

const fineTune = z.object({ color: colorSchema, model: modelSchema, vocabularySize, sequenceLength, adam: adamSchema, gradientClip: positive, corpus: refSchema, prior: refSchema, ...trained });

const likened = z.object({ model: modelSchema, vocabularySize, sequenceLength, corpus: refSchema, proxy: refSchema, compiler: computed.compiler });

const scoring = z.object({
  models: modelsSchema,
  sequenceLength,
  batchSize: positiveInteger,
  corpus: refSchema,
  group,
  shards: z.object({ first: naturalNumber, end: positiveInteger }),
  scorer: refSchema,
  by: z.enum(SCORED_BY).optional(),
  oracle: oracleSchema.extend({ seed }).optional(),
  ...computed,
});

export const stageInputSchemas = {
  prepare: z.object({ data: dataSchema, tokenizer: tokenizerSchema, heldOut: heldOutSchema, vocabularySize, groups: positiveInteger, seed, configFolder: place }),
  selection: z.object({
    selector: comparisonSchema.shape.arms.unwrap().element.shape.selector,
    fraction,
    method: z.union([selectionSchema.shape.method, z.literal('middle')]),
    temperature: nonNegative,
    temperatureIn: z.literal('deviations').optional(),
    trainedRows: selectionSchema.shape.trainedRows,
    redundancy: selectionSchema.shape.redundancy,
    corpus: refSchema,
    group,
    scores: z.array(refSchema),
    seed,
    ids: z.object({ path: place, folder: place }).optional(),
  }),
  importing: z.object({ model: modelSchema, vocabularySize, which: z.enum(['proxy', 'target']), folder: place, configFolder: place }),
  training: z.object({
    purpose: z.enum(['warm-up', 'pretraining', 'decay']),
    model: modelSchema,
    vocabularySize,
    sequenceLength,
    selection: refSchema,
    start: z.union([z.object({ seed }), z.object({ state: refSchema })]),
    steps: positiveInteger,
    batchSize: positiveInteger,
    microBatchSize: positiveInteger.optional(),
    schedule: z.discriminatedUnion('type', [
      z.object({ type: z.literal('wsd'), peak: positive, warmUpSteps: naturalNumber }),
      z.object({ type: z.literal('decay'), peak: positive, halfLife: positive }),
    ]),
    gradientClip: positive,
    adam: adamSchema,
    checkpointEvery: positiveInteger,
    heldOut: z.object({ corpus: refSchema, set: z.enum(['tuning', 'test']), every: positiveInteger, batchSize: positiveInteger }).optional(),
    divergence: divergenceSchema.optional(),
    ...trained,
  }),
  bilevel: z.object({ bilevel: bilevelSchema, models: modelsSchema, sequenceLength, corpus: refSchema, group, proxy: refSchema, target: refSchema, scorer: refSchema.nullable(), features: z.array(featureSchema).optional(), divergence: divergenceSchema.optional(), ...trained }),
  // what selectors that need no tensors learn from a group and the validation set
  lexical: z.object({ method: z.enum(selectorsOf('lexical')), corpus: refSchema, group, seed }),
  mates: z.object({
    mates: matesSchema.omit({ temperature: true }),
    models: modelsSchema,
    sequenceLength,
    validationLoss: bilevelSchema.shape.validationLoss,
    adam: adamSchema,
    gradientClip: positive,
    corpus: refSchema,
    group,
    proxy: refSchema,
    target: refSchema,
    ...trained,
  }),
  // fine-tuned on the validation set: the proxy, the same in each round, or the target as it is
  color: fineTune,
  recolor: fineTune,
  // what rows are likened to: the validation set under the proxy, the same in each round
  repsim: likened,
  gradsim: likened.extend({ validationLoss: bilevelSchema.shape.validationLoss }),
  scoring,
  evaluation: z.object({
    model: modelSchema,
    vocabularySize,
    sequenceLength,
    corpus: refSchema,
    state: refSchema,
    sets: evaluationSchema.shape.sets,
    batchSize: positiveInteger,
    compiler: computed.compiler,
    tasks: z.object({ of: evaluationSchema.shape.tasks.unwrap(), folder: place }).optional(),
  }),
  report: z.object({ run: runName, config: submittedConfigSchema, stages: z.union([refSchema, z.array(finishedStageSchema)]), forked: forkedSchema.optional(), failed: z.array(failedStageSchema).optional() }),
} satisfies Readonly<Record<StageName, z.ZodType>>;
