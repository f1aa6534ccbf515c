import { crc32 } from 'node:zlib';
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getMaxRepetitionLevel, getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import { BlissError } from '../errors.js';
import { converter, NotUtf8 } from './parquet-values.js';

export interface LeafPages {
  readonly file: string;
  readonly buffer: AsyncBuffer;
  readonly schema: SchemaTree;
  readonly chunk: ColumnMetaData;
  readonly compressors: Compressors;
  /** of the row group */
  readonly rows: number;
  /** bytes of one page, unpacked, that are taken at most */
  readonly mostPageBytes: number;
}

/** What hyparquet knows of a decoded page: values, a row each, nested ones in lists as deep as their optional and repeated parents. */
type Rows = ArrayLike<unknown> & { slice(start: number, end: number): ArrayLike<unknown> };

/** Reads are of at least so many bytes: small pages come together. */
const READ_BYTES = 1 << 20;
/** A page's header is short, but its statistics may hold texts. */
const HEADER_BYTES = 1 << 12;

/**
 * The rows of one leaf column of a row group, page by page: memory holds the dictionary and a page or two, however large the row group. Each
 * page is held against its CRC-32 where it has one (Spark writes them, pyarrow where it is asked to): no codec but gzip notices a flipped bit.
 */
export class Leaf {
  readonly path: readonly string[];
  /** some value so far is no UTF-8: `NotUtf8` stands in its place */
  hasNotUtf8 = false;
  readonly #params: LeafPages;
  readonly #decoder: Parameters<typeof readPage>[2];
  readonly #isFlat: boolean;
  readonly #isRepeated: boolean;
  #at: number;
  readonly #end: number;
  #window = new ArrayBuffer(0);
  #windowStart = 0;
  #dictionary: ReturnType<typeof convert> | undefined;
  #rows: Rows = [];
  #position = 0;
  #taken = 0;

  constructor(params: LeafPages) {
    const { buffer, schema, chunk, compressors } = params;
    this.#params = params;
    this.path = chunk.path_in_schema;
    const schemaPath = getTreePath(schema, chunk.path_in_schema);
    const { element } = schemaPath[schemaPath.length - 1];
    this.#isFlat = isFlatColumn(schemaPath);
    this.#isRepeated = getMaxRepetitionLevel(schemaPath.slice(1)) > 0;
    const read = converter(element);
    const { converted_type: _converted, logical_type: _logical, ...plain } = element;
    this.#decoder = {
      ...chunk,
      pathInSchema: chunk.path_in_schema,
      schemaPath,
      // of all annotations hyparquet hands the values of this one to a parser one by one, whatever their type
      element: read === undefined ? plain : { ...plain, converted_type: 'DATE' },
      parsers: {
        ...DEFAULT_PARSERS,
        dateFromDays: (value: unknown) => {
          const ours = read?.(value);
          if (ours instanceof NotUtf8) this.hasNotUtf8 = true;
          return ours;
        },
      },
      compressors,
      utf8: false,
    };
    const data = Number(chunk.data_page_offset);
    const dictionary = Number(chunk.dictionary_page_offset ?? 0);
    this.#at = dictionary > 0 ? Math.min(data, dictionary) : data;
    this.#end = this.#at + Number(chunk.total_compressed_size);
    if (this.#end > buffer.byteLength) throw new Error(`column ${this.#name} ends beyond the file`);
  }

  get #name(): string {
    return this.path.join('.');
  }
  get #isOver(): boolean {
    return this.#at >= this.#end - 1 || (!this.#isRepeated && this.#taken + this.#rows.length - this.#position >= this.#params.rows);
  }

  /** Rows that can be taken now, at least one. @throws Error where the column ends before its row group; BlissError DataInvalid */
  async available(): Promise<number> {
    for (;;) {
      // a list may go on in the next page
      const whole = this.#rows.length - this.#position - (this.#isRepeated && !this.#isOver ? 1 : 0);
      if (whole > 0) return whole;
      if (this.#isOver) throw new Error(`column ${this.#name} has ${this.#taken} rows, its row group ${this.#params.rows}`);
      await this.#nextPage();
    }
  }

  take(count: number): ArrayLike<unknown> {
    const rows = this.#rows.slice(this.#position, this.#position + count);
    this.#position += count;
    this.#taken += count;
    return rows;
  }

  async #nextPage(): Promise<void> {
    const header = await this.#header();
    const { compressed_page_size: size, uncompressed_page_size: unpacked, crc, type } = header;
    if (size < 0 || this.#at + size > this.#end) throw new Error(`a page of column ${this.#name} ends beyond its column`);
    const { file, mostPageBytes } = this.#params;
    if (unpacked > mostPageBytes) {
      throw new BlissError({
        code: 'DataInvalid',
        where: file,
        message: `a page of column ${this.#name} has ${unpacked} bytes, and at most ${mostPageBytes} are held in memory at a time`,
        fix: 'write the file with smaller row groups: row_group_size=10000 in pyarrow, pandas and Polars, row_group_offsets=10000 in fastparquet',
      });
    }
    await this.#load(size);
    const offset = this.#at - this.#windowStart;
    if (crc !== undefined && crc32(new Uint8Array(this.#window, offset, size)) !== crc >>> 0) throw new Error(`a page of column ${this.#name} has another checksum than was written: its bytes were changed`);
    this.#at += size;
    const reader = { view: new DataView(this.#window), offset };
    if (type === 'DICTIONARY_PAGE') {
      const { data } = readPage(reader, header, this.#decoder, undefined, undefined, 0);
      if (data !== undefined) this.#dictionary = convert(data, this.#decoder);
      return;
    }
    const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
    if (values === 0) return; // an index, or nothing
    const rest = this.#isRepeated ? Array.from(this.#rows.slice(this.#position, this.#rows.length)) : undefined;
    const { data } = readPage(reader, header, this.#decoder, this.#dictionary, rest, 0);
    if (data === undefined) throw new Error(`a page of column ${this.#name} holds nothing`);
    if (this.#isFlat && Array.isArray(data) && data.includes(undefined)) throw new Error(`a page of column ${this.#name} names values that its dictionary lacks`);
    this.#rows = data;
    this.#position = 0;
  }

  async #header(): Promise<ReturnType<typeof parquetHeader>> {
    for (let bytes = HEADER_BYTES; ; bytes *= 8) {
      const left = this.#end - this.#at;
      await this.#load(Math.min(bytes, left));
      const reader = { view: new DataView(this.#window), offset: this.#at - this.#windowStart };
      try {
        const header = parquetHeader(reader);
        this.#at = this.#windowStart + reader.offset;
        return header;
      } catch (error) {
        if (!(error instanceof RangeError) || bytes >= left) throw error;
      }
    }
  }

  /** Sees that so many bytes from here on are in the window. */
  async #load(bytes: number): Promise<void> {
    if (this.#at >= this.#windowStart && this.#at + bytes <= this.#windowStart + this.#window.byteLength) return;
    this.#window = await this.#params.buffer.slice(this.#at, Math.min(this.#end, this.#at + Math.max(bytes, READ_BYTES)));
    this.#windowStart = this.#at;
  }
}

/** The leaves of some top-level columns of a row group; undefined: of all. @throws Error that names the column */
export function leavesOf({ metadata, rowGroup, columns, ...params }: Omit<LeafPages, 'chunk' | 'rows'> & { readonly metadata: FileMetaData; readonly rowGroup: number; readonly columns: readonly string[] | undefined }): Leaf[] {
  const group = metadata.row_groups[rowGroup];
  return group.columns.flatMap(({ meta_data: chunk, file_path: elsewhere }) => {
    if (chunk === undefined) throw new Error('a column has no metadata: is it encrypted?');
    if (columns !== undefined && !columns.includes(chunk.path_in_schema[0])) return [];
    if (elsewhere !== undefined) throw new Error(`column ${chunk.path_in_schema.join('.')} is in another file`);
    return [new Leaf({ ...params, chunk, rows: Number(group.num_rows) })];
  });
}
