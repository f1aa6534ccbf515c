import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestRows } from '../artifacts/index.js';
import type { Artifact } from '../artifacts/types.js';
import { loadTokenizer, parquetRows, writeParquet, writeTokenShards, type ParquetRow } from '../data/index.js';
import type { TokenDataset, TokenRow } from '../data/types.js';
import { BlissError } from '../errors.js';
import { countOf, openSelector } from '../selection/index.js';
import { openCorpus, type SelectionIndex } from './corpus.js';
import { SCORES_FILE } from './scores-file.js';
import { countRows } from './count-rows.js';
import { idDigests, selectByIds } from './select-by-ids.js';
import { selectedFile } from './selected-file.js';
import { describeSelection, pickSamples, type ScoredRows, type SelectionFactsFile } from './selection-facts.js';
import type { SelectionInput, Stage } from './types.js';

/**
 * Keeps the best rows of a group, or a uniform sample; writes scores of all rows, what was chosen with rank, and the chosen
 * rows themselves, with the ids of their documents, as shards to train on.  @see method §4, step 4
 */
export const selection: Stage<'selection'> = {
  name: 'selection',
  version: 2,
  resource: 'cpu',
  // by ids nothing else of the input decides; where they lie does not
  keyInput: ({ ids, ...input }: SelectionInput) => (ids === undefined ? input : { corpus: input.corpus, by: 'ids' }),
  keyParts: async ({ ids }) => (ids === undefined ? null : { ids: await idDigests(ids) }),
  run: async ({ ids, ...input }, context) => {
    if (ids !== undefined) return selectByIds({ ...input, ids }, context);
    const corpus = await openCorpus(context.store, input.corpus);
    const group = await corpus.group(input.group, { documents: true });
    const onRow = countRows(2 * group.rows, context);
    const parts: Artifact[] = [];
    for (const ref of input.scores) parts.push(await context.store.open(ref));
    const rows = await gatherRows({ group, parts, input, onRow });
    await context.phase('ranking');
    const count = countOf(rows.ids.length, input.fraction);
    const selector = openSelector({ method: input.selector === 'random' ? 'random' : input.method, temperature: input.temperature, ...(input.temperatureIn === undefined ? {} : { temperatureIn: input.temperatureIn }), seed: input.seed });
    const excluded = input.trainedRows === 'exclude' ? rows.trained : undefined;
    const ranked = selector.select({
      candidates: { ids: rows.ids, ...(rows.logits === undefined ? {} : { logits: rows.logits }), ...(excluded === undefined ? {} : { excluded }) },
      count,
    });
    if (ranked.length === 0) {
      throw new BlissError({ code: 'DataInvalid', message: 'no row is left to select', where: 'selection.trainedRows', mend: "write 'flag', or lower bilevel.trainingFraction" });
    }
    const selected = new Uint8Array(rows.ids.length);
    for (const row of ranked) selected[row] = 1;

    await context.phase('writing the scores');
    await writeTables({ folder: context.scratch, rows, ranked });
    const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
    const texts: Record<number, string> = {};
    const samples = pickSamples({ rows, ranked });
    const wanted = new Set([...samples.top, ...samples.border, ...samples.bottom]);
    // stored by index, not by rank: the order of training is the seed's alone
    const chosen = async function* (): AsyncIterable<TokenRow> {
      for await (const row of group.read(0, group.rows)) {
        await onRow();
        if (wanted.has(row.index)) texts[row.index] = tokenizer.decode(row.tokens);
        if (selected[row.index] === 1) yield row;
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

    await context.phase('describing the selection');
    const described = describeSelection({ rows, ranked });
    const facts: SelectionFactsFile = { ...described, samples: { ...samples, texts, ids: Object.fromEntries([...wanted].map((row) => [row, { id: rows.ids[row], source: rows.sources[row], selected: selected[row] === 1, trained: rows.trained?.[row] === 1, ...(rows.logits === undefined ? {} : { logit: rows.logits[row] }) }])) } };
    await writeFile(path.join(context.scratch, 'facts.json'), JSON.stringify(facts));

    return {
      kind: 'selection',
      folder: context.scratch,
      // over the rows, text included: another text under the same ids is another selection to who trains on it
      digest: shards.digest,
      summary: {
        selector: input.selector,
        group: input.group,
        rows: rows.ids.length,
        selected: ranked.length,
        scoresDigest: rows.logits === undefined ? null : await digestRows(scoresOf(rows.ids, rows.logits)),
      },
    };
  },
};

interface GatherRows {
  readonly group: TokenDataset;
  readonly parts: readonly Artifact[];
  readonly input: SelectionInput;
  readonly onRow: () => Promise<void>;
}

/** Every row of the group by index, with its score where it has one. @throws BlissError DataInvalid where a row was not scored */
async function gatherRows({ group, parts, input, onRow }: GatherRows): Promise<ScoredRows> {
  const ids = Array.from<string>({ length: group.rows });
  const sources = Array.from<string>({ length: group.rows });
  if (parts.length === 0) {
    if (input.selector !== 'random') throw new BlissError({ code: 'DataInvalid', message: 'no scores to select by', mend: 'run the scoring stage first' });
    for await (const { index, id, source } of group.read(0, group.rows)) {
      await onRow();
      [ids[index], sources[index]] = [id, source];
    }
    return { ids, sources };
  }
  const logits = new Float32Array(group.rows).fill(Number.NaN);
  const trained = new Uint8Array(group.rows);
  // one text for each source: millions of rows name a handful
  const names = new Map<string, string>();
  for (const part of parts) {
    for await (const row of parquetRows({ file: await part.file(SCORES_FILE), columns: ['id', 'index', 'source', 'logit', 'trained'] })) {
      await onRow();
      const index = Number(row['index']);
      const source = String(row['source']);
      if (!names.has(source)) names.set(source, source);
      ids[index] = String(row['id']);
      sources[index] = names.get(source) ?? source;
      logits[index] = Number(row['logit']);
      trained[index] = row['trained'] === true ? 1 : 0;
    }
  }
  return { ids, sources, logits, trained };
}

/** Tables are streamed: a group may have tens of millions of rows. */
async function writeTables({ folder, rows, ranked }: { readonly folder: string; readonly rows: ScoredRows; readonly ranked: Uint32Array }): Promise<void> {
  const { ids, sources, logits, trained } = rows;
  const best = function* (): Iterable<ParquetRow> {
    for (const [rank, row] of ranked.entries()) yield { id: ids[row], index: row, source: sources[row], rank, score: logits?.[row] ?? null };
  };
  await writeParquet({ ...selectedFile(folder), rows: best() });
  if (logits === undefined) return;
  const all = function* (): Iterable<ParquetRow> {
    for (const [index, id] of ids.entries()) yield { id, index, source: sources[index], logit: logits[index], trained: trained?.[index] === 1 };
  };
  await writeParquet({
    file: path.join(folder, SCORES_FILE),
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } },
    rows: all(),
  });
}

function* scoresOf(ids: readonly string[], logits: Float32Array): Iterable<readonly [string, number]> {
  for (const [i, id] of ids.entries()) yield [id, logits[i]];
}
