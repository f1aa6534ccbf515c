import { z } from 'zod';
import { SELECTOR_NAMES, selectorRow } from '../tables/selectors.js';
import { fraction, identifier, naturalNumber, nonNegative, positiveInteger, text } from './common.js';

export const scoringSchema = z.strictObject({
  batchSize: positiveInteger.default(512).meta({ description: 'one scoring batch; the grid is fixed by row index and the last batch padded', unit: 'rows' }),
  shardsPerTask: positiveInteger.default(4).meta({ description: 'work of one scoring activity', unit: 'shards' }),
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
    .describe('what chance draws, for arms of selector random and for the warm-ups: a uniform sample of the run’s seed, or the same rows for every seed, as the release has it; that takes a data.shuffleSeed that is a number, as seeds have corpora of their own otherwise'),
  trainedRows: z.enum(['flag', 'exclude']).default('flag').describe('rows that trained the scorer: flagged in the scores, or never selected'),
  from: text(/\//, 'RUN/round-N, as paper-1b/round-3, or a path with a slash, as ./ids')
    .optional()
    .describe(
      'arms of selector bliss train on these rows in every round instead of learning which: round N’s selection of another run (RUN/round-3), or those whose ids are in a file or folder (./ids: Parquet or JSON lines with id, or text with an id a line; relative to the configuration file)',
    ),
});

/** those of lib/evaluation, which may not be imported here */
const task = z.enum(['sciq', 'arc_easy', 'arc_challenge', 'logiqa', 'openbookqa', 'boolq', 'hellaswag', 'piqa', 'winogrande', 'lambada_openai', 'wordnet']);

export const evaluationSchema = z.strictObject({
  batchSize: positiveInteger.default(32).meta({ description: 'one evaluation batch; the last one padded', unit: 'examples' }),
  sets: z.array(z.enum(['tuning', 'test'])).min(1).default(['test']).describe('held-out sets that each arm is evaluated on after each round'),
  tasks: z
    .array(
      z.strictObject({
        name: task.describe('task, asked as lm-evaluation-harness does, zero-shot'),
        path: z.string().min(1).optional().describe('file, glob or folder of its items in the hub’s columns, relative to the configuration file: .jsonl, .jsonl.gz, .jsonl.zst, .parquet; of a folder the task’s own split and table is taken; only wordnet has items of its own and needs none'),
        limit: positiveInteger.optional().meta({ description: 'only the first ones', unit: 'items' }),
      }),
    )
    .min(1)
    .optional()
    .describe('zero-shot tasks that each arm is evaluated on after each round, beside the sets'),
  onFailure: z
    .enum(['stop', 'continue'])
    .optional()
    .describe('what a round’s decay or evaluation that fails for good does. stop, as by default: its arm ends at its next round, and with it the run, of which `bliss resume` goes on after the fix; continue: the run goes on without it, and status, report and result say which are missing'),
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
    .describe('selectors side by side'),
});

export const runtimeSchema = z.strictObject({
  compiler: z.enum(['xla', 'graph']).default('xla').describe('xla: fastest steps; graph: ready 3-4 times sooner, steps 1.2 times slower'),
  precision: z.enum(['float32', 'bf16-mixed']).default('float32').describe('bf16-mixed: matrix products of training, inner steps and scoring in bfloat16, all else in float32; outer steps and evaluation are float32 in any case'),
  recompute: z
    .enum(['none', 'blocks'])
    .default('none')
    .describe('blocks: backward passes compute each block of a model again instead of keeping its activations: less memory, one forward pass more'),
  numerics: z.enum(['continue', 'strict']).default('continue').describe('resume under another numerics fingerprint: go on and mark it, or wait for a worker like the one before'),
});

export const workerSchema = z.strictObject({
  heartbeatTimeout: z.number().min(2).default(60).meta({ description: 'time that a trainer may say nothing for while it takes steps, before its worker ends it; and time without a heartbeat after which a worker counts as lost', unit: 'seconds' }),
  compileTimeout: z.number().min(10).default(1_800).meta({ description: 'time that tracing and compiling may take without progress', unit: 'seconds' }),
  preemptionNotice: z.number().min(5).default(25).meta({ description: 'from SIGTERM or the preemption file to the end of a worker; its stage saves within it', unit: 'seconds' }),
  preemptionFile: text(/./, 'path of a file').optional().describe('a file whose appearance is a preemption notice, as a hook on a spot machine writes it; while it is there the worker takes no work'),
  keepCheckpoints: positiveInteger.default(2).meta({ description: 'newest checkpoints kept of a stage while it runs', unit: 'checkpoints' }),
  keepCheckpointsEvery: naturalNumber
    .optional()
    .meta({ description: 'checkpoints whose step is a multiple of this stay too, also when their stage is finished: choose a multiple of checkpointEvery; 0: none, as by default', unit: 'steps' }),
});
