import { rm } from 'node:fs/promises';
import { DOUBLE, DuckDBInstance, DuckDBScalarFunction, FLOAT, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import { BlissError } from '../errors.js';

/** DuckDB in this process: tables of any size, in files, by SQL. Close it. */
export interface Database {
  run(sql: string): Promise<void>;
  /** a small answer: a row an object; counts come as bigint */
  rows(sql: string): Promise<Record<string, unknown>[]>;
  /** a large answer as a stream: the columns of some 2,048 rows each, in the answer's order */
  columns(sql: string): AsyncIterable<unknown[][]>;
  /** makes `name(id VARCHAR, logit FLOAT) → DOUBLE` of a function in JavaScript: for what SQL would compute with other last bits */
  define(name: string, of: (id: string, logit: number) => number): void;
  /** idempotent; the temporary files go too */
  close(): Promise<void>;
}

export interface OpenDatabase {
  /** for what does not fit into memory; made where it is not there, removed by `close` */
  readonly temporaryFolder: string;
  /** of DuckDB's own, which Node's and what files are read and written through come on top of. @default 256 MiB */
  readonly memoryBytes?: number;
  /** @default as many as the machine has cores */
  readonly threads?: number;
}

/** A sort of 2·10⁷ rows goes through files below some gigabytes anyway, and is hardly slower with a quarter of one. */
const MEMORY_BYTES = 256 * 2 ** 20;

export async function openDatabase({ temporaryFolder, memoryBytes = MEMORY_BYTES, threads }: OpenDatabase): Promise<Database> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(memoryBytes / 2 ** 20)}MiB`,
    temp_directory: temporaryFolder,
    autoinstall_known_extensions: 'false', // nothing is fetched from anywhere
    autoload_known_extensions: 'false',
    ...(threads === undefined ? {} : { threads: String(threads) }),
  });
  const connection = await instance.connect();
  let closed = false;
  return {
    run: async (sql) => {
      await said(connection.run(sql));
    },
    rows: async (sql) => {
      const reader = await said(connection.runAndReadAll(sql));
      return reader.getRowObjectsJS();
    },
    columns: (sql) => columnsOf(connection, sql),
    define: (name, of) => connection.registerScalarFunction(rowFunction(name, of)),
    close: async () => {
      if (closed) return;
      closed = true;
      connection.closeSync();
      instance.closeSync();
      await rm(temporaryFolder, { recursive: true, force: true });
    },
  };
}

async function* columnsOf(connection: DuckDBConnection, sql: string): AsyncIterable<unknown[][]> {
  const result = await said(connection.stream(sql));
  for (let chunk = await said(result.fetchChunk()); chunk !== null && chunk.rowCount > 0; chunk = await said(result.fetchChunk())) yield chunk.getColumns();
}

function rowFunction(name: string, of: (id: string, logit: number) => number): DuckDBScalarFunction {
  return DuckDBScalarFunction.create({
    name,
    parameterTypes: [VARCHAR, FLOAT],
    returnType: DOUBLE,
    mainFunction: (_, input, output) => {
      const [ids, logits] = input.getColumns();
      for (let i = 0; i < ids.length; i++) output.setItem(i, of(String(ids[i]), Number(logits[i])));
      output.flush();
    },
  });
}

/** @throws BlissError DiskFull; what else DuckDB says as it says it */
async function said<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Error) || !/no space left|disk quota|max_temp_directory_size/i.test(error.message)) throw error;
    throw new BlissError({ code: 'DiskFull', message: 'no space left on the disk', fix: 'free some space: the run goes on by itself from its last checkpoint', cause: error });
  }
}

/** A text, such as the path of a file, as SQL. */
export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * Rows of Parquet files, one file after the other, as a relation of SQL. A path means itself, whatever stars and brackets are in it.
 * @param numbered with a column `file_row_number`, from 0 in each file
 */
export const parquetTable = (files: readonly string[], { numbered = false }: { readonly numbered?: boolean } = {}): string =>
  `read_parquet([${files.map((file) => sqlText(file.replaceAll(/[[*?]/g, '[$&]'))).join(', ')}]${numbered ? ', file_row_number = true' : ''})`;
