import { isUtf8 } from 'node:buffer';
import type { SchemaElement } from 'hyparquet';
import { parseFloat16 } from 'hyparquet/src/convert.js';
import { dateText, int96Nanos, timestampText, timeText, type TimeUnit } from './parquet-time.js';

/** A value that JSON has no type for, with its text: no two values of a column have the same. */
export class ParquetScalar {
  /** in words, for errors: `a timestamp` */
  readonly kind: string;
  readonly text: string;
  /** what it is, of bytes of a fixed length */
  readonly bytes: Uint8Array | undefined;

  constructor({ kind, text, bytes }: { readonly kind: string; readonly text: string; readonly bytes?: Uint8Array }) {
    this.kind = kind;
    this.text = text;
    this.bytes = bytes;
  }

  /** as the key of a map */
  toString(): string {
    return this.text;
  }
}

/** Stands where a string column holds bytes that are no UTF-8, until its row is known. */
export class NotUtf8 {
  toString(): never {
    throw new Error('a key of a map is not UTF-8');
  }
}

/** Parquet's own values (number, bigint, boolean, bytes) to ours; undefined: they stay as they are. What is ours already stays so. */
export type Convert = (value: unknown) => unknown;

const numeric = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

/** How the values of a leaf column are read. BYTE_ARRAY without an annotation stays bytes. */
export function converter({ type, converted_type: converted, logical_type: logical, scale }: SchemaElement): Convert | undefined {
  const ofNumber = (kind: string, text: (value: bigint) => string): Convert => (value) => (numeric(value) ? new ParquetScalar({ kind, text: text(BigInt(value)) }) : value);
  const ofBytes = (read: (bytes: Uint8Array) => unknown): Convert => (value) => (value instanceof Uint8Array ? read(value) : value);
  const timestamp = (unit: TimeUnit, utc: boolean): Convert => ofNumber('a timestamp', (value) => timestampText(value, unit, utc));
  const time = (unit: TimeUnit): Convert => ofNumber('a time of day', (value) => timeText(value, unit));

  switch (logical?.type) {
    case 'TIMESTAMP':
      return timestamp(logical.unit, logical.isAdjustedToUTC);
    case 'TIME':
      return time(logical.unit);
    case 'UUID':
      return ofBytes((bytes) => new ParquetScalar({ kind: 'a UUID', text: hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') }));
    case 'FLOAT16':
      return ofBytes(parseFloat16);
    case 'DECIMAL':
      return decimal(logical.scale);
    case 'INTEGER':
      if (!logical.isSigned && logical.bitWidth >= 32) return unsigned;
      return undefined;
    case 'STRING':
    case 'ENUM':
      return ofBytes(utf8);
    case 'JSON':
      return ofBytes(json);
    default:
  }
  switch (converted) {
    case 'UTF8':
    case 'ENUM':
      return ofBytes(utf8);
    case 'JSON':
      return ofBytes(json);
    case 'DECIMAL':
      return decimal(scale ?? 0);
    case 'DATE':
      return ofNumber('a date', (value) => dateText(Number(value)));
    case 'TIMESTAMP_MILLIS':
      return timestamp('MILLIS', true);
    case 'TIMESTAMP_MICROS':
      return timestamp('MICROS', true);
    case 'TIME_MILLIS':
      return time('MILLIS');
    case 'TIME_MICROS':
      return time('MICROS');
    case 'UINT_32':
    case 'UINT_64':
      return unsigned;
    default:
  }
  if (logical?.type === 'DATE') return ofNumber('a date', (value) => dateText(Number(value)));
  if (type === 'INT96') return ofNumber('a timestamp', (value) => timestampText(int96Nanos(value), 'NANOS', false));
  if (type === 'FIXED_LEN_BYTE_ARRAY') return ofBytes((bytes) => new ParquetScalar({ kind: 'bytes', text: hex(bytes), bytes }));
  return undefined;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

function utf8(bytes: Uint8Array): string | NotUtf8 {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') : new NotUtf8();
}

function json(bytes: Uint8Array): unknown {
  const text = utf8(bytes);
  return typeof text === 'string' ? (JSON.parse(text) as unknown) : text;
}

function unsigned(value: unknown): unknown {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  return typeof value === 'number' ? value >>> 0 : value;
}

/** unscaled · 10^−scale with every digit; the bytes are a big-endian two's complement */
function decimal(scale: number): Convert {
  return (value) => {
    if (!numeric(value) && !(value instanceof Uint8Array)) return value;
    const unscaled = numeric(value) ? BigInt(value) : BigInt.asIntN(8 * value.length, BigInt(`0x0${hex(value)}`));
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
    const point = digits.length - scale;
    return new ParquetScalar({ kind: 'a decimal', text: `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}` });
  };
}
