import { ParquetScalar } from '../parquet.js';
import { decode, field, invalid, kind } from './records.js';

const MEND = 'set idColumn to a column of texts or whole numbers, or write the ids as texts';

/**
 * The document's own id from a Parquet row, as a text that no other value of its column has: whole numbers and decimals with all their digits,
 * UUIDs, dates and times in their usual form, bytes of a fixed length in hexadecimal, other bytes as the UTF-8 that they are.
 * @throws BlissError DataInvalid where it is none
 */
export function parquetIdOf(record: Record<string, unknown>, idColumn: string | undefined, at: string): string | undefined {
  if (idColumn === undefined) return undefined;
  const id = field(record, idColumn);
  if (typeof id === 'string') return id;
  if (typeof id === 'bigint') return String(id);
  if (id instanceof ParquetScalar) return id.text;
  if (id instanceof Uint8Array) return decode(id, `${at} (${idColumn})`, 'the id is bytes that are no UTF-8', 'write the ids as texts, for example in hexadecimal');
  if (typeof id !== 'number') throw invalid(at, `the column ${idColumn} holds ${kind(id)}, not an id`, MEND);
  if (!Number.isFinite(id)) throw invalid(at, `the column ${idColumn} holds ${id}, not an id`, MEND);
  // what pandas makes of whole numbers where some are missing
  if (Number.isInteger(id) && !Number.isSafeInteger(id)) throw invalid(at, `the column ${idColumn} holds floats beyond 2^53, whose last digits are gone`, MEND);
  return Object.is(id, -0) ? '-0' : String(id);
}
