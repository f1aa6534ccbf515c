import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BlissError } from '../errors.js';
import { openParquet } from './parquet.js';
import { fileBytes } from './sources/bytes.js';
import { resolveFiles, type InputFile } from './sources/files.js';
import { formatOf, TEXT_FORMATS } from './sources/formats.js';
import { requireAllParts } from './sources/parts.js';
import { byteLines, decode, invalid, jsonRecords, kind } from './sources/records.js';
import { refuseDangling, walk } from './sources/walk.js';

export interface RowIdsFolder {
  /** a file or a folder, as the configuration names it */
  readonly path: string;
  /** folder that a relative one starts from */
  readonly folder: string;
}

/** field of the configuration that names ids, for errors */
const FIELD = 'selection.from';
/** files of ids in a folder, by their ending; others, as a dataset's card, are left alone */
const OF_IDS = /^[^.].*\.(parquet|(jsonl|ndjson|txt)(\.(gz|zst))?)$/is;
/** the most that one Set holds */
const MOST_IDS = 2 ** 24 - 1;
const FIX = 'write Parquet with a column id, JSON lines with a field id, or text with an id a line';

/** The files that ids are read from: the one named, or all of the folder by path. @throws BlissError DataInvalid where there is none */
export async function rowIdFiles({ path: named, folder }: RowIdsFolder): Promise<readonly InputFile[]> {
  const at = path.resolve(folder, named);
  const found = await stat(at).catch(() => undefined);
  if (found === undefined) await refuseDangling(at);
  if (found === undefined) throw invalid(FIELD, `there is no file and no folder ${at}`, 'name a folder of ids, whose relative path starts from that of the configuration file, or a round of another run: RUN/round-N');
  if (!found.isDirectory()) return resolveFiles({ paths: [at], literal: true, format: 'auto', folder, field: FIELD });
  const files = await walk({ folder: at, steps: [{ kind: 'folders' }, { kind: 'match', matches: (name) => OF_IDS.test(name) }], leftOut: (name) => name.startsWith('.') });
  if (files.length === 0) throw invalid(FIELD, `there is no file of ids in ${at}`, FIX);
  requireAllParts({ files: files.map((file) => file.path), isMeant: () => true, field: FIELD });
  return Promise.all(files.map(async (file) => ({ path: file.path, name: path.relative(at, file.path), size: (await stat(file.path)).size, format: formatOf(file.path, FIELD, TEXT_FORMATS) })));
}

/** Each id once, in the order of the files. @throws BlissError DataInvalid, DataCorrupt, naming file and line or row group */
export async function readRowIds(files: readonly InputFile[]): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const file of files) {
    for await (const id of idsOf(file)) {
      if (ids.size === MOST_IDS) throw new BlissError({ code: 'DataInvalid', where: file.path, message: `more than ${MOST_IDS} ids`, fix: 'give fewer' });
      ids.add(id);
    }
  }
  if (ids.size === 0) throw invalid(files.map((file) => file.path).join(', '), 'there is no id in it', FIX);
  return ids;
}

function idsOf({ path: file, format }: InputFile): AsyncIterable<string> {
  if (format === 'parquet') return parquetIds(file);
  return format === 'jsonl' ? jsonIds(file) : textIds(file);
}

async function* parquetIds(file: string): AsyncIterable<string> {
  const parquet = await openParquet(file);
  try {
    if (!parquet.columns.includes('id')) throw invalid(file, `there is no column id; the file has ${parquet.columns.join(', ')}`, FIX);
    // a selection's artifact has the scores of all rows beside what was selected
    if (parquet.columns.includes('logit')) throw invalid(file, 'it holds scores of all rows, chosen or not', 'name the selected.parquet beside it');
    // of an exported table of all rows those that were selected
    const columns = ['id', ...(parquet.columns.includes('selected') ? ['selected'] : [])];
    for await (const { rowGroup, row, record } of parquet.stream(columns)) {
      const { id, selected } = record;
      if (selected === false) continue;
      const at = `${file} (row group ${rowGroup}, row ${row})`;
      yield textOf(id instanceof Uint8Array ? decode(id, at) : id, at);
    }
  } finally {
    await parquet.close();
  }
}

async function* jsonIds(file: string): AsyncIterable<string> {
  for await (const { at, record } of jsonRecords(file)) yield textOf(record['id'], at);
}

async function* textIds(file: string): AsyncIterable<string> {
  let line = 0;
  for await (const bytes of byteLines(fileBytes(file), file)) {
    const id = decode(bytes, `${file}:${++line}`).replace(/^\uFEFF/, '').trim();
    if (id !== '') yield id;
  }
}

function textOf(id: unknown, at: string): string {
  if (typeof id === 'string' && id !== '') return id;
  throw invalid(at, `the id is ${id === '' ? 'empty' : kind(id)}, not a text`, 'give ids of rows, as SOURCE:000000017');
}
