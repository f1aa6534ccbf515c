/** The part of parquetjs-lite 0.8.7 that lib/data/parquet.ts uses. It throws strings, not Errors. */
declare module 'parquetjs-lite' {
  export interface FieldDefinition {
    type: string;
    optional?: boolean;
    compression?: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY';
    /** false: no minimum, maximum and distinct count of the values */
    statistics?: boolean;
  }
  export class ParquetSchema {
    constructor(fields: Record<string, FieldDefinition>);
  }
  export interface WriterOptions {
    rowGroupSize?: number;
    /** default true: data pages of version 2 */
    useDataPageV2?: boolean;
    /** default true: column and offset indexes */
    pageIndex?: boolean;
  }
  export class ParquetEnvelopeWriter {
    constructor(
      schema: ParquetSchema,
      write: (bytes: Uint8Array) => Promise<void>,
      close: () => Promise<void>,
      offset: number,
      options: WriterOptions,
    );
  }
  export class ParquetWriter {
    constructor(schema: ParquetSchema, envelope: ParquetEnvelopeWriter, options: WriterOptions);
    setMetadata(key: string, value: string): void;
    appendRow(row: Record<string, unknown>): Promise<void>;
    close(): Promise<void>;
  }
}
