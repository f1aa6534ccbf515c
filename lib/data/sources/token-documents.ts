import type { Vocabulary } from '../types.js';
import type { OnBytes } from './bytes.js';
import { columnRecords, idOf } from './columns.js';
import type { InputFile } from './files.js';
import { jsonIdOf } from './json-id.js';
import { field, invalid, jsonRecords, kind } from './records.js';
import { openBin, readIds } from './token-bin.js';

/** One document of a file as token ids, with where it stands: `corpus.parquet:12`, in a .bin the number of its first id. */
export interface FileTokens {
  readonly at: string;
  readonly id: string | undefined;
  /** its end-of-text included */
  readonly tokens: Int32Array;
}

export interface ReadTokens {
  readonly file: InputFile;
  /** `a.b` for nested fields; of Parquet and JSON lines */
  readonly idsColumn: string;
  readonly idColumn?: string | undefined;
  /** of .bin files without a header; auto: uint16 where the vocabulary fits */
  readonly dtype: 'auto' | 'uint16' | 'uint32';
  /** add: an end-of-text id after each list that has none; inside: lists are pieces of one stream and hold their own */
  readonly endOfText: 'add' | 'inside';
  readonly vocabulary: Vocabulary;
  readonly onBytes?: OnBytes;
}

/** A stream of ids without an end of text is cut into documents of so many. */
const LONGEST_PIECE = 1 << 16;

/** Documents of one tokenised file. Where a list is null or empty there is no document. @throws BlissError DataInvalid, DataCorrupt */
export function readTokens(params: ReadTokens): AsyncIterable<FileTokens> {
  return params.file.format === 'bin' ? binDocuments(params) : listDocuments(params);
}

async function* listDocuments(params: ReadTokens): AsyncIterable<FileTokens> {
  const { file, idsColumn, idColumn, onBytes } = params;
  const records: AsyncIterable<{ readonly at: string; readonly record: Record<string, unknown>; readonly json?: string }> = file.format === 'parquet' ? columnRecords({ file, column: idsColumn, idColumn, setting: 'idsColumn', what: 'token ids', onBytes }) : jsonRecords(file.path, onBytes);
  for await (const { at, record, json } of records) {
    const list = field(record, idsColumn);
    if (list === undefined && file.format === 'jsonl') throw invalid(at, `there is no field ${idsColumn}; the line has ${Object.keys(record).join(', ') || 'none'}`, 'set idsColumn to the field with the token ids');
    if (list === null || list === undefined) continue;
    if (!Array.isArray(list) && !isTyped(list)) throw invalid(at, `the ${file.format === 'parquet' ? 'column' : 'field'} ${idsColumn} holds ${kind(list)}, not a list of token ids`, 'set idsColumn to the one with the ids, or give a source of type files if it is text');
    if (list.length > 0) yield { at, id: json === undefined ? idOf(record, idColumn, at) : jsonIdOf({ record, json, idColumn, at }), tokens: checked(list, at, params) };
  }
}

const isTyped = (value: unknown): value is ArrayLike<number | bigint> => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The ids of a list, with the end of text where it is to be added. */
function checked(list: ArrayLike<unknown>, at: string, { idsColumn, endOfText: policy, vocabulary }: ReadTokens): Int32Array {
  const adds = policy === 'add' && Number(list[list.length - 1]) !== vocabulary.endOfText;
  const tokens = new Int32Array(list.length + (adds ? 1 : 0));
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') throw invalid(at, `entry ${i} of ${idsColumn} is ${kind(value)}, not a token id`, 'write integers only');
    tokens[i] = checkId(Number(value), `entry ${i} of ${idsColumn}`, at, vocabulary);
  }
  if (adds) tokens[list.length] = vocabulary.endOfText;
  return tokens;
}

function checkId(id: number, what: string, at: string, { size }: Vocabulary, fix?: string): number {
  if (Number.isInteger(id) && id >= 0 && id < size) return id;
  const isId = Number.isInteger(id) && id >= 0;
  throw invalid(
    at,
    isId ? `${what} is ${id}, models.vocabularySize ${size} ends at ${size - 1}` : `${what} is ${id}, no token id`,
    fix ?? (isId ? `raise models.vocabularySize to at least ${id + 1}, or check that the ids are of the tokenizer given` : 'write integers of at least 0'),
  );
}

async function* binDocuments({ file, dtype: asked, endOfText: policy, vocabulary, onBytes }: ReadTokens): AsyncIterable<FileTokens> {
  const dtype = asked === 'auto' ? (vocabulary.size > 65_536 ? 'uint32' : 'uint16') : asked;
  const { handle, layout } = await openBin({ file: file.path, dtype });
  const ends = layout.ends === undefined ? undefined : new Ends(layout.ends());
  const fix = `set dtype to what the ids are (read as ${layout.dtype}), or raise models.vocabularySize if they are of a larger tokenizer`;
  try {
    let pending: number[] = [];
    let first = 0;
    let index = 0;
    await ends?.pass(0);
    const document = (ended: boolean): FileTokens | undefined => {
      const ids = pending;
      const at = first;
      pending = [];
      first = index;
      // padding is ends of text alone
      if (!ids.some((id) => id !== vocabulary.endOfText)) return undefined;
      if (ended && policy === 'add' && ids[ids.length - 1] !== vocabulary.endOfText) ids.push(vocabulary.endOfText);
      return { at: `${file.path}:${at}`, id: undefined, tokens: Int32Array.from(ids) };
    };
    for await (const ids of readIds(handle, layout)) {
      if (index === 0 && ends === undefined && dtype === layout.dtype && dtype === 'uint16' && everySecondIsZero(ids)) throw invalid(file.path, 'every second id is 0 when read as uint16', 'set dtype: uint32');
      for (const value of ids) {
        pending.push(checkId(value, `id ${index}`, file.path, vocabulary, value >= 0 ? fix : undefined));
        index++;
        const ended = index === ends?.next;
        if (ended) await ends?.pass(index);
        if (!ended && (ends !== undefined || value !== vocabulary.endOfText) && pending.length < LONGEST_PIECE) continue;
        const done = document(ended);
        if (done !== undefined) yield done;
      }
      onBytes?.((ids.length / layout.tokens) * file.size);
    }
    const rest = document(false);
    if (rest !== undefined) yield rest;
  } finally {
    await ends?.close();
    await handle.close();
  }
}

/** Where the next document ends, of a file that says it apart from its ids. */
class Ends {
  /** in ids from the first; Infinity: there is none */
  next = 0;
  readonly #ends: AsyncIterator<number> | Iterator<number>;

  constructor(ends: AsyncIterable<number> | Iterable<number>) {
    this.#ends = Symbol.asyncIterator in ends ? ends[Symbol.asyncIterator]() : ends[Symbol.iterator]();
  }

  /** Goes on to the first end beyond so many ids: a document may be empty. */
  async pass(index: number): Promise<void> {
    while (this.next <= index) {
      const { value, done } = await this.#ends.next();
      this.next = done === true ? Infinity : value;
    }
  }

  async close(): Promise<void> {
    await this.#ends.return?.();
  }
}

/** uint32 ids below 65,536 read as uint16 look so */
function everySecondIsZero(ids: ArrayLike<number>): boolean {
  const looked = Math.min(ids.length, 4_096);
  for (let i = 1; i < looked; i += 2) if (ids[i] !== 0) return false;
  return looked >= 16;
}
