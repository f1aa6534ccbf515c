/** Times of Parquet as text in ISO 8601: always so many digits as the unit has, so that two values are never one text. */

export type TimeUnit = 'MILLIS' | 'MICROS' | 'NANOS';

const DIGITS: Readonly<Record<TimeUnit, number>> = { MILLIS: 3, MICROS: 6, NANOS: 9 };
const DAY_SECONDS = 86_400n;
/** days that JavaScript's calendar reaches on both sides of 1970 */
const MOST_DAYS = 100_000_000;

/** @param days since 1970-01-01; beyond the calendar (DuckDB's infinity is) they are counted: `1970-01-01+P106751991D` */
export function dateText(days: number): string {
  if (Math.abs(days) > MOST_DAYS) return `1970-01-01${days < 0 ? '-' : '+'}P${Math.abs(days)}D`;
  return new Date(days * 86_400_000).toISOString().replace(/T.*/, '');
}

/** @param value of `unit` since midnight */
export function timeText(value: bigint, unit: TimeUnit): string {
  const perSecond = 10n ** BigInt(DIGITS[unit]);
  const seconds = Number(value / perSecond);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(value % perSecond).padStart(DIGITS[unit], '0')}`;
}

/** @param value of `unit` since 1970 @param utc an instant, which gets a Z; otherwise a reading of some clock */
export function timestampText(value: bigint, unit: TimeUnit, utc: boolean): string {
  const perDay = DAY_SECONDS * 10n ** BigInt(DIGITS[unit]);
  const time = ((value % perDay) + perDay) % perDay;
  return `${dateText(Number((value - time) / perDay))}T${timeText(time, unit)}${utc ? 'Z' : ''}`;
}

const JULIAN_DAY_OF_1970 = 2_440_588n;

/** INT96 as Spark and Impala write it: nanoseconds of the day, then the Julian day; hyparquet hands on the nanoseconds since 1970. */
export function int96Nanos(value: bigint): bigint {
  const days = (value >> 64n) - JULIAN_DAY_OF_1970;
  return days * DAY_SECONDS * 1_000_000_000n + BigInt.asUintN(64, value);
}
