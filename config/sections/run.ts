import { z } from 'zod';
import { SELECTOR_NAMES, selectorRow } from '../tables/selectors.js';
import { fraction, identifier, naturalNumber, nonNegative, positive, positiveInteger, text } from './common.js';
import { OWN_ITEMS, TASK_NAMES } from '../tables/tasks.js';

export const scoringSchema = z.strictObject({
  batchSize: positiveInteger.default(512).meta({ description: 'size of one scoring batch; batches have fixed places by row index, and the last one is padded', unit: 'rows' }),
  shardsPerTask: positiveInteger.default(4).meta({ description: 'how many shards one scoring activity scores', unit: 'shards' }),
});

export const selectionSchema = z.strictObject({
  fraction: fraction.default(0.2).meta({ description: 'part of the round’s group that is kept', unit: 'share of rows' }),
  method: z
    .enum(['top-k', 'top-k-float16', 'gumbel-top-k'])
    .default('top-k')
    .describe('the ranking rule: by logit; by the score after the sigmoid in float16, as the release ranks; or by logit with Gumbel noise of a temperature. Ties by row id'),
  temperature: nonNegative.default(0.5).meta({ description: 'scale of the Gumbel noise of gumbel-top-k', unit: 'logits' }),
  randomRows: z
    .enum(['seeded', 'fixed'])
    .default('seeded')
    .describe('rows drawn at random, for arms of selector random and for the warm-ups. seeded: a uniform sample by the run’s seed; fixed: the same rows for every seed, as in the release, which needs a data.shuffleSeed that is a number, because seeds otherwise have different corpora'),
  redundancy: z
    .strictObject({
      weight: positive.meta({ description: 'what a row loses whose n-grams are all in rows that were chosen before it; a share of them costs that share', unit: 'standard deviations of the scores' }),
      ngram: positiveInteger.max(64).default(3).meta({ description: 'how long the runs are that count as the same', unit: 'tokens' }),
    })
    .optional()
    .describe('rows are chosen one after the other, each by its score less what it has in common with those before it, for every selector but random; default: by score alone'),
  trainedRows: z.enum(['flag', 'exclude']).default('flag').describe('rows that trained the scorer: flagged in the scores, or never selected'),
  from: text(/\//, 'RUN/round-N, as paper-1b/round-3, or a path with a slash, as ./ids')
    .optional()
    .describe(
      'arms of selector bliss train on these rows in every round, and learn no scores: round N’s selection of another run (RUN/round-3), or the rows whose ids are in a file or folder (./ids: Parquet or JSON lines with id, or text with one id per line; relative to the configuration file)',
    ),
});

export const evaluationSchema = z.strictObject({
  batchSize: positiveInteger.default(32).meta({ description: 'size of one evaluation batch; the last one is padded', unit: 'examples' }),
  sets: z.array(z.enum(['tuning', 'test'])).min(1).default(['test']).describe('held-out sets that each arm is evaluated on after each round'),
  everySteps: positiveInteger
    .optional()
    .meta({ description: 'the held-out loss is also taken every so many steps of pretraining and after the last, without the decay of the side branch: gains by tokens in the report. On the test set where sets has it, else on tuning; default: not taken', unit: 'steps' }),
  tasks: z
    .array(
      z.strictObject({
        name: z.enum(TASK_NAMES).describe('task, asked as lm-evaluation-harness does, zero-shot'),
        path: z.string().min(1).optional().describe(`file, glob or folder of its items, with the columns of the Hugging Face hub, relative to the configuration file: .jsonl, .jsonl.gz, .jsonl.zst, .parquet; from a folder the task’s own split and table is taken; only ${OWN_ITEMS.join(', ')} has items of its own and needs none`),
        limit: positiveInteger.optional().meta({ description: 'only this many items, the first ones', unit: 'items' }),
      }),
    )
    .min(1)
    .optional()
    .describe('zero-shot tasks that each arm is evaluated on after each round, in addition to the sets'),
  onFailure: z
    .enum(['stop', 'continue'])
    .optional()
    .describe('what happens when a round’s decay or evaluation fails permanently. stop, the default: its arm ends at its next round, and the run ends with it; `bliss resume` continues after the fix. continue: the run goes on without it, and status, report and result say what is missing'),
});

const aboutSelectors = SELECTOR_NAMES.flatMap((name) => {
  const { about } = selectorRow(name);
  return about === undefined ? [] : [`${name}: ${about}`];
}).join('; ');

export const comparisonSchema = z.strictObject({
  arms: z
    .array(
      z.strictObject({
        name: identifier.describe('name of the arm'),
        selector: z
          .enum(SELECTOR_NAMES)
          .describe(`how the arm selects; every arm has the same budget. ${aboutSelectors}`),
      }),
    )
    .min(1)
    .default([
      { name: 'bliss', selector: 'bliss' },
      { name: 'random', selector: 'random' },
    ])
    .describe('the arms, each with its selector'),
});

export const runtimeSchema = z.strictObject({
  compiler: z.enum(['xla', 'graph']).default('xla').describe('xla: fastest steps; graph: ready 3-4 times sooner, steps 1.2 times slower'),
  precision: z.enum(['float32', 'bf16-mixed']).default('float32').describe('bf16-mixed: matrix products of training, inner steps and scoring in bfloat16, everything else in float32; outer steps and evaluation are always float32'),
  recompute: z
    .enum(['none', 'blocks'])
    .default('none')
    .describe('blocks: backward passes compute each block of a model again instead of keeping its activations; this takes less memory and one more forward pass'),
  numerics: z.enum(['continue', 'strict']).default('continue').describe('when a stage is resumed under another numerics fingerprint: continue and mark the result, or wait for a worker like the one before'),
});

export const workerSchema = z.strictObject({
  heartbeatTimeout: z.number().min(2).default(60).meta({ description: 'how long a trainer may say nothing while it takes steps, before its worker ends it; and how long a worker may send no heartbeat before it counts as lost', unit: 'seconds' }),
  compileTimeout: z.number().min(10).default(1_800).meta({ description: 'time that tracing and compiling may take without progress', unit: 'seconds' }),
  preemptionNotice: z.number().min(5).default(25).meta({ description: 'time from SIGTERM or the preemption file to the end of a worker; its stage saves a checkpoint within this time', unit: 'seconds' }),
  preemptionFile: text(/./, 'path of a file').optional().describe('a file that means preemption when it appears, written for example by a hook on a spot machine; while it exists the worker takes no work'),
  keepCheckpoints: positiveInteger.default(2).meta({ description: 'how many of the newest checkpoints of a stage are kept while it runs', unit: 'checkpoints' }),
  keepCheckpointsEvery: naturalNumber
    .optional()
    .meta({ description: 'checkpoints whose step is a multiple of this are also kept, even when their stage is finished; choose a multiple of checkpointEvery; 0, the default: none', unit: 'steps' }),
});
