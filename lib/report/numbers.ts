import { mean } from '../mean.js';

export { mean };

/** How numbers are written in the report. */
const MINUS = '\u2212';
const signed = (text: string): string => text.replace('-', MINUS);

/** nats a token, four places: a test set of some hundred passages has standard errors in the third */
export const loss = (value: number): string => (Number.isFinite(value) ? signed(value.toFixed(4)) : String(value));
export const percent = (share: number): string => (Number.isFinite(share) ? `${signed((100 * share).toFixed(1))}\u00a0%` : '–');
/** of a whole that is 1; nothing where there is none */
export const share = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '');
export const times = (factor: number): string => (Number.isFinite(factor) ? `${factor.toFixed(2)}×` : '–');
export const count = (value: number): string => value.toLocaleString('en-US');

/** Four figures that count, whatever the size. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return signed(size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(4))));
}

export function seconds(value: number): string {
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return power === 0 ? `${value} B` : `${(value / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** s/√n with n−1 degrees of freedom; undefined for fewer than two values. */
export function standardError(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1) / values.length);
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
