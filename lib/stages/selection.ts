import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestLines, digestRows } from '../artifacts/index.js';
import type { Artifact } from '../artifacts/types.js';
import { loadTokenizer, parquetRows, writeParquet, writeTokenShards } from '../data/index.js';
import type { TokenDataset, TokenRow } from '../data/types.js';
import { BlissError } from '../errors.js';
import { countOf, openSelector } from '../selection/index.js';
import { openCorpus, type SelectionIndex } from './corpus.js';
import { SCORES_FILE } from './scoring.js';
import { describeSelection, pickSamples, type SampleTexts, type ScoredRows, type SelectionDescription } from './selection-facts.js';
import type { SelectionInput, Stage } from './types.js';

/** `facts.json` of a selection: what the report tells of it. */
export interface SelectionFactsFile extends SelectionDescription {
  readonly samples: SampleTexts;
}

/**
 * Keeps the best rows of a group, or a uniform sample; writes scores of all rows, what was chosen with rank, and the chosen
 * rows themselves as shards to train on.  @see method §4, step 4
 */
export const selection: Stage<'selection'> = {
  name: 'selection',
  version: 1,
  resource: 'cpu',
  run: async (input, context) => {
    const corpus = await openCorpus(context.store, input.corpus);
    const group = await corpus.group(input.group);
    const rows = await gatherRows(group, await Promise.all(input.scores.map((ref) => context.store.open(ref))), input);
    const count = countOf(rows.ids.length, input.fraction);
    const selector = openSelector({ method: input.selector === 'random' ? 'random' : input.method, temperature: input.temperature, seed: input.seed });
    const excluded = input.trainedRows === 'exclude' ? rows.trained : undefined;
    const ranked = selector.select({
      candidates: { ids: rows.ids, ...(rows.logits === undefined ? {} : { logits: rows.logits }), ...(excluded === undefined ? {} : { excluded }) },
      count,
    });
    if (ranked.length === 0) {
      throw new BlissError({ code: 'DataInvalid', message: 'no row is left to select', where: 'selection.trainedRows', mend: "write 'flag', or lower bilevel.trainingFraction" });
    }
    const rankOf = new Map(Array.from(ranked, (row, rank) => [row, rank] as const));

    await writeTables({ folder: context.scratch, rows, ranked });
    // stored by index, not by rank: the order of training is the seed's alone
    const chosen = async function* (): AsyncIterable<TokenRow> {
      let read = 0;
      for await (const row of group.read(0, group.rows)) {
        if (++read % 1024 === 0) await context.progress({ step: read, of: group.rows, amount: { value: read, unit: 'rows' } });
        if (rankOf.has(row.index)) yield row;
      }
    };
    const shards = await writeTokenShards({
      folder: context.scratch,
      prefix: 'train',
      rows: chosen(),
      count: ranked.length,
      sequenceLength: corpus.index.sequenceLength,
      vocabularySize: corpus.index.vocabularySize,
      rowsPerShard: Math.max(...corpus.index.groups[input.group].shards.map((shard) => shard.rows)),
    });
    const index: SelectionIndex = { dataset: shards.index };
    await writeFile(path.join(context.scratch, 'selection.json'), JSON.stringify(index));

    const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
    const texts = new Map<number, string>();
    const samples = pickSamples({ rows, ranked });
    const wanted = new Set([...samples.top, ...samples.border, ...samples.bottom]);
    for await (const row of group.read(0, group.rows)) if (wanted.has(row.index)) texts.set(row.index, tokenizer.decode(row.tokens));
    const described = describeSelection({ rows, ranked });
    const facts: SelectionFactsFile = { ...described, samples: { ...samples, texts: Object.fromEntries(texts), ids: Object.fromEntries([...wanted].map((row) => [row, { id: rows.ids[row], source: rows.sources[row], selected: rankOf.has(row), trained: rows.trained?.[row] === 1, ...(rows.logits === undefined ? {} : { logit: rows.logits[row] }) }])) } };
    await writeFile(path.join(context.scratch, 'facts.json'), JSON.stringify(facts));

    const chosenIds = Array.from(ranked, (row) => rows.ids[row]).sort();
    return {
      kind: 'selection',
      folder: context.scratch,
      digest: await digestLines(chosenIds),
      summary: {
        selector: input.selector,
        group: input.group,
        rows: rows.ids.length,
        selected: ranked.length,
        scoresDigest: rows.logits === undefined ? null : await digestRows(rows.ids.map((id, i) => [id, rows.logits?.[i] ?? Number.NaN] as const)),
      },
    };
  },
};

/** Every row of the group by index, with its score where it has one. @throws BlissError DataInvalid where a row was not scored */
async function gatherRows(group: TokenDataset, parts: readonly Artifact[], input: SelectionInput): Promise<ScoredRows> {
  const ids = Array.from<string>({ length: group.rows });
  const sources = Array.from<string>({ length: group.rows });
  if (parts.length === 0) {
    if (input.selector === 'bliss') throw new BlissError({ code: 'DataInvalid', message: 'no scores to select by', mend: 'run the scoring stage first' });
    for await (const { index, id, source } of group.read(0, group.rows)) [ids[index], sources[index]] = [id, source];
    return { ids, sources };
  }
  const logits = new Float32Array(group.rows).fill(Number.NaN);
  const trained = new Uint8Array(group.rows);
  for (const part of parts) {
    for await (const row of parquetRows({ file: await part.file(SCORES_FILE), columns: ['id', 'index', 'source', 'logit', 'trained'] })) {
      const index = Number(row['index']);
      ids[index] = String(row['id']);
      sources[index] = String(row['source']);
      logits[index] = Number(row['logit']);
      trained[index] = row['trained'] === true ? 1 : 0;
    }
  }
  return { ids, sources, logits, trained };
}

async function writeTables({ folder, rows, ranked }: { readonly folder: string; readonly rows: ScoredRows; readonly ranked: Uint32Array }): Promise<void> {
  const { ids, sources, logits, trained } = rows;
  await writeParquet({
    file: path.join(folder, 'selected.parquet'),
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, rank: { type: 'INT32' }, score: { type: 'FLOAT', optional: true } },
    rows: Array.from(ranked, (row, rank) => ({ id: ids[row], index: row, source: sources[row], rank, score: logits?.[row] ?? null })),
  });
  if (logits === undefined) return;
  await writeParquet({
    file: path.join(folder, SCORES_FILE),
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } },
    rows: ids.map((id, index) => ({ id, index, source: sources[index], logit: logits[index], trained: trained?.[index] === 1 })),
  });
}
