import { crc32 } from 'node:zlib';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

export interface CheckPages {
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rowGroup: number;
  /** top-level columns */
  readonly columns: readonly string[];
}

/**
 * Holds the pages of some columns against their CRC-32, which Spark writes, and pyarrow where it is asked to: no codec but gzip notices a
 * flipped bit. Columns without checksums are passed over after their first page's header.
 *
 * @throws Error that names the column
 */
export async function checkPages({ buffer, metadata, rowGroup, columns }: CheckPages): Promise<void> {
  for (const { meta_data: chunk } of metadata.row_groups[rowGroup].columns) {
    if (chunk === undefined || !columns.includes(chunk.path_in_schema[0])) continue;
    const data = Number(chunk.data_page_offset);
    const dictionary = Number(chunk.dictionary_page_offset ?? 0);
    const start = dictionary > 0 ? Math.min(data, dictionary) : data;
    const end = start + Number(chunk.total_compressed_size);
    if (end > buffer.byteLength) throw new Error(`column ${chunk.path_in_schema.join('.')} ends beyond the file`);
    const bytes = await buffer.slice(start, end);
    const reader = { view: new DataView(bytes), offset: 0 };
    while (reader.offset < bytes.byteLength) {
      const { crc, compressed_page_size: size } = parquetHeader(reader);
      if (crc === undefined) break;
      if (size < 0 || reader.offset + size > bytes.byteLength) throw new Error(`a page of column ${chunk.path_in_schema.join('.')} ends beyond its column`);
      if (crc32(new Uint8Array(bytes, reader.offset, size)) !== crc >>> 0) throw new Error(`a page of column ${chunk.path_in_schema.join('.')} has another checksum than was written: its bytes were changed`);
      reader.offset += size;
    }
  }
}
