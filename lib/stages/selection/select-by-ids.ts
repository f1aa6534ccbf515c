import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadTokenizer, mostRows, openParquetWriter, readRowIds, rowIdFiles, sha256OfFile, writeTokenShards, type RowIdsFolder } from '../../data/index.js';
import type { TokenRow } from '../../data/types.js';
import { BlissError } from '../../errors.js';
import { openCorpus, type SelectionIndex } from '../contents/index.js';
import { countRows } from './count-rows.js';
import { selectedFile } from './selected-file.js';
import type { SelectionFactsFile } from './selection-facts.js';
import type { SelectionInput, StageContext, StageOutput } from '../types.js';

/** rows shown of those chosen, and of the others */
const SAMPLES = 4;

/** What decides the rows beside the corpus: the content of the files, whatever they are called. */
export async function idDigests(ids: RowIdsFolder): Promise<readonly string[]> {
  const digests: string[] = [];
  for (const { path: file } of await rowIdFiles(ids)) digests.push(await sha256OfFile(file));
  return digests.sort();
}

/**
 * The rows whose ids are given, of whichever group, in the order of the corpus. Nothing of the corpus is held but counts.
 * @throws BlissError DataInvalid where an id is of no row: how many, and one of them
 */
export async function selectByIds(input: SelectionInput & Required<Pick<SelectionInput, 'ids'>>, context: StageContext): Promise<StageOutput> {
  const corpus = await openCorpus(context.store, input.corpus);
  const { groups, sequenceLength, vocabularySize } = corpus.index;
  const wanted = await readRowIds(await rowIdFiles(input.ids));
  const missing = new Set(wanted);
  const of = groups.reduce((sum, { rows }) => sum + rows, 0);
  const onRow = countRows(of, context);
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  const sources = new Map<string, { rows: number; selectedRows: number }>();
  const shown = { chosen: [] as number[], others: [] as number[] };
  const texts: Record<number, string> = {};
  const facts: Record<number, SelectionFactsFile['samples']['ids'][string]> = {};
  const table = await openParquetWriter(selectedFile(context.scratch));
  let rank = 0;

  const chosen = async function* (): AsyncIterable<TokenRow> {
    let index = 0;
    for (let group = 0; group < groups.length; group++) {
      const dataset = await corpus.group(group);
      for await (const row of dataset.read(0, dataset.rows)) {
        await onRow();
        const selected = missing.delete(row.id);
        const counts = sources.get(row.source) ?? { rows: 0, selectedRows: 0 };
        sources.set(row.source, { rows: counts.rows + 1, selectedRows: counts.selectedRows + (selected ? 1 : 0) });
        const samples = selected ? shown.chosen : shown.others;
        if (samples.length < SAMPLES) {
          samples.push(index);
          texts[index] = tokenizer.decode(row.tokens);
          facts[index] = { id: row.id, source: row.source, selected, trained: false };
        }
        if (selected) {
          await table.append({ id: row.id, index, source: row.source, rank: rank++, score: null });
          yield row;
        }
        index++;
      }
    }
    if (missing.size > 0) throw unknownIds({ missing, of: wanted.size, where: path.resolve(input.ids.folder, input.ids.path) });
  };
  const rowsPerShard = mostRows(groups.flatMap(({ shards }) => shards));
  let shards: Awaited<ReturnType<typeof writeTokenShards>>;
  try {
    shards = await writeTokenShards({ folder: context.scratch, prefix: 'train', rows: chosen(), count: wanted.size, sequenceLength, vocabularySize, rowsPerShard });
    await table.close();
  } catch (error) {
    await table.abort();
    throw error;
  }
  const selection: SelectionIndex = { dataset: shards.index };
  await writeFile(path.join(context.scratch, 'selection.json'), JSON.stringify(selection));
  const described: SelectionFactsFile = {
    rows: of,
    selectedRows: wanted.size,
    sources: [...sources].sort(([a], [b]) => (a < b ? -1 : 1)).map(([source, { rows, selectedRows }]) => ({ source, rows, selectedRows, selectedTrained: 0, selectedUntrained: selectedRows })),
    samples: { top: shown.chosen, border: [], bottom: shown.others, texts, ids: facts },
  };
  await writeFile(path.join(context.scratch, 'facts.json'), JSON.stringify(described));
  return {
    kind: 'selection',
    folder: context.scratch,
    digest: shards.digest,
    // of no one group: what it shares with another arm's rows of a group cannot be told by their places
    summary: { selector: input.selector, group: null, rows: of, selected: wanted.size, scoresDigest: null },
  };
}

function unknownIds({ missing, of, where }: { readonly missing: ReadonlySet<string>; readonly of: number; readonly where: string }): BlissError {
  const [first] = missing;
  const areRows = /^.+:\d{9,}$/.test(first);
  return new BlissError({
    code: 'DataInvalid',
    where,
    message: `${missing.size} of ${of} ids are of no row of this run's corpus; the first is ${JSON.stringify(first)}`,
    fix: areRows
      ? 'give this run the data, tokenizer, rounds and seed of the run that the ids are of, or leave these ids out'
      : 'give ids of packed rows, as SOURCE:000000017 in the selected.parquet of a selection: a row holds parts of several documents, and has an id of its own',
  });
}
