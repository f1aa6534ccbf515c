import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RecordDigest } from '../../artifacts/index.js';
import { loadTokenizer, mostRows, openDatabase, parquetTable, sqlText, writeTokenShards, type Database } from '../../data/index.js';
import type { TokenRow } from '../../data/types.js';
import { BlissError } from '../../errors.js';
import { countOf, openRankingRule, selectRows, type SelectedRows } from '../../selection/index.js';
import { type Corpus, openCorpus, RowSet, SCORES_FILE, type SelectionIndex } from '../contents/index.js';
import { countRows } from './count-rows.js';
import { throwIfStopped } from '../execution/index.js';
import { idDigests, selectByIds } from './select-by-ids.js';
import { selectedFile } from './selected-file.js';
import { describeSelection, pickSamples, type SampleRows, type SelectionFactsFile } from './selection-facts.js';
import type { SelectionInput, Stage, StageContext } from '../types.js';

/**
 * Keeps the best rows of a group, or a uniform sample; writes scores of all rows, what was chosen with rank, and the chosen
 * rows themselves, with the ids of their documents, as shards to train on. Ids and scores stay in files: memory is bounded whatever their number.  @see method §4, step 4
 */
export const selection: Stage<'selection'> = {
  name: 'selection',
  version: 2,
  // by ids nothing else of the input decides; where they lie does not
  keyInput: ({ ids, ...input }: SelectionInput) => (ids === undefined ? input : { corpus: input.corpus, by: 'ids' }),
  keyParts: async ({ ids }) => (ids === undefined ? null : { ids: await idDigests(ids) }),
  run: async ({ ids, ...input }, context) => {
    if (ids !== undefined) return selectByIds({ ...input, ids }, context);
    const corpus = await openCorpus(context.store, input.corpus);
    const temporaryFolder = path.join(context.scratch, '..', 'selecting'); // no part of the result
    await mkdir(temporaryFolder);
    const database = await openDatabase({ temporaryFolder });
    try {
      const rows = await gatherRows({ database, corpus, input, context, temporaryFolder });
      await context.phase('ranking');
      const { file } = selectedFile(context.scratch);
      const all = corpus.index.groups[input.group].rows;
      const selected = await selectRows({
        database,
        rows,
        rule: openRankingRule({ method: input.selector === 'random' ? 'random' : input.method, temperature: input.temperature, ...(input.temperatureIn === undefined ? {} : { temperatureIn: input.temperatureIn }), seed: input.seed }),
        count: countOf(all, input.fraction),
        withoutTrained: input.trainedRows === 'exclude',
        ...(input.redundancy === undefined ? {} : { redundancy: { ...input.redundancy, tokensOf: await tokensOf(corpus, input.group, context) } }),
        file,
        temporaryFolder,
      });
      if (selected.selected === 0) {
        throw new BlissError({ code: 'DataInvalid', message: 'no row is left to select', where: 'selection.trainedRows', fix: "write 'flag', or lower bilevel.trainingFraction" });
      }
      throwIfStopped(context);

      await context.phase('describing the selection');
      const hasScores = input.scores.length > 0;
      const of = { database, selection: selected, file, hasScores };
      const described = await describeSelection(of);
      const samples = await pickSamples(of);
      throwIfStopped(context);
      const { texts, digest } = await writeRows({ database, corpus, input, context, selected, file, samples: samples.rows });
      const facts: SelectionFactsFile = { ...described, samples: { ...samples.places, texts, ids: samples.rows } };
      await writeFile(path.join(context.scratch, 'facts.json'), JSON.stringify(facts));

      await context.phase('digesting the scores');
      return {
        kind: 'selection',
        folder: context.scratch,
        // over the rows, text included: another text under the same ids is another selection to who trains on it
        digest,
        summary: { selector: input.selector, group: input.group, rows: all, selected: selected.selected, scoresDigest: hasScores ? await digestScores(database, rows) : null },
      };
    } finally {
      await database.close();
    }
  },
};

interface GatherRows {
  readonly database: Database;
  readonly corpus: Corpus;
  readonly input: SelectionInput;
  readonly context: StageContext;
  readonly temporaryFolder: string;
}

/**
 * A file of all rows of the group by index: with scores it stays, as a part of the result.
 * @returns it as a relation with the columns of `scores.parquet`; logits are null without scores
 * @throws BlissError DataInvalid where a row was not scored
 */
async function gatherRows({ database, corpus, input, context, temporaryFolder }: GatherRows): Promise<string> {
  const { rows, shards } = corpus.index.groups[input.group];
  if (input.scores.length === 0) {
    if (input.selector !== 'random') throw new BlissError({ code: 'DataInvalid', message: 'no scores to select by', fix: 'run the scoring stage first' });
    await context.phase('reading the rows');
    const file = path.join(temporaryFolder, 'rows.parquet');
    // one after the other: each is read to be checked, and open files are few
    const files: string[] = [];
    for (const shard of shards) files.push(await corpus.artifact.file(shard.file));
    await database.run(`COPY (SELECT id, (row_number() OVER () - 1)::INTEGER AS index, source, NULL::FLOAT AS logit, false AS trained FROM ${parquetTable(files)}) TO ${sqlText(file)} (FORMAT parquet)`);
    return parquetTable([file]);
  }
  await context.phase('gathering the scores');
  const parts: string[] = [];
  for (const ref of input.scores) parts.push(await (await context.store.open(ref)).file(SCORES_FILE));
  const file = path.join(context.scratch, SCORES_FILE);
  const gather = (order: string): Promise<void> => database.run(`COPY (SELECT id, index, source, logit, trained FROM ${parquetTable(parts)} ${order}) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION snappy)`);
  const inOrder = async (): Promise<boolean> => {
    const [{ n, each }] = await database.rows(`SELECT count(*) AS n, bool_and(index = file_row_number) AS "each" FROM ${parquetTable([file], { numbered: true })}`);
    return Number(n) === rows && each === true;
  };
  await gather('');
  // parts come by range of shards, and rows in them by index: there is something to sort where they do not
  if (!(await inOrder())) {
    await gather('ORDER BY index');
    if (!(await inOrder())) throw new BlissError({ code: 'DataInvalid', message: `the scores are not one of each of the ${rows} rows of the group`, fix: 'score every row of the group first' });
  }
  return parquetTable([file]);
}

/** Tokens of the rows that are compared with one another, in one pass over the group. */
async function tokensOf(corpus: Corpus, number: number, context: StageContext): Promise<(isWanted: (index: number) => boolean) => AsyncIterable<TokenRow>> {
  const group = await corpus.group(number);
  return async function* (isWanted) {
    await context.phase('comparing rows');
    for await (const row of group.read(0, group.rows)) {
      throwIfStopped(context);
      if (isWanted(row.index)) yield row;
    }
  };
}

interface WriteRows {
  readonly database: Database;
  readonly corpus: Corpus;
  readonly input: SelectionInput;
  readonly context: StageContext;
  readonly selected: SelectedRows;
  readonly file: string;
  readonly samples: SampleRows;
}

/** The selected rows as shards, by index and not by rank: the order of training is the seed's alone. @returns texts of the samples, and the digest of the rows */
async function writeRows({ database, corpus, input, context, selected, file, samples }: WriteRows): Promise<{ readonly texts: Readonly<Record<string, string>>; readonly digest: string }> {
  const group = await corpus.group(input.group, { documents: true });
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  const isIn = RowSet.of(group.rows);
  for await (const [indices] of database.columns(`SELECT index FROM ${parquetTable([file])}`)) for (const index of indices) isIn.add(Number(index));
  const texts: Record<string, string> = {};
  const onRow = countRows(group.rows, context);
  const chosen = async function* (): AsyncIterable<TokenRow> {
    for await (const row of group.read(0, group.rows)) {
      await onRow();
      if (row.index in samples) texts[row.index] = tokenizer.decode(row.tokens);
      if (isIn.has(row.index)) yield row;
    }
  };
  const shards = await writeTokenShards({
    folder: context.scratch,
    prefix: 'train',
    rows: chosen(),
    count: selected.selected,
    sequenceLength: corpus.index.sequenceLength,
    vocabularySize: corpus.index.vocabularySize,
    rowsPerShard: mostRows(corpus.index.groups[input.group].shards),
  });
  const index: SelectionIndex = { dataset: shards.index };
  await writeFile(path.join(context.scratch, 'selection.json'), JSON.stringify(index));
  return { texts, digest: shards.digest };
}

async function digestScores(database: Database, rows: string): Promise<string> {
  const digest = new RecordDigest();
  for await (const [ids, logits] of database.columns(`SELECT id, logit FROM ${rows}`)) for (let i = 0; i < ids.length; i++) digest.row(String(ids[i]), Number(logits[i]));
  return digest.hex();
}
