import type { Table } from './bench.js';
import type { Measured } from './compare.js';
import { summarise, type Summary } from './statistics.js';

/** Timings of one case, all taken in one sitting. */
export interface Comparison {
  readonly label: string;
  readonly measured: readonly Measured[];
  /** what a step gets through */
  readonly amount?: { readonly unit: string; readonly perStep: number };
}

const milliseconds = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));
const both = ({ least, median }: Summary, show: (value: number) => string): string => `${show(least)} / ${show(median)}`;
const times = (value: number): string => value.toFixed(2);

/** Least and median of the faster of the sides that `counts` names, each by itself, over ours; nothing where there is no such side. */
export function ratioTo({ measured }: Comparison, ours: Measured, counts: (one: Measured) => boolean): Summary | undefined {
  const theirs = measured.filter(counts).map((one) => summarise(one.milliseconds));
  if (theirs.length === 0) return undefined;
  const mine = summarise(ours.milliseconds);
  return { least: Math.min(...theirs.map(({ least }) => least)) / mine.least, median: Math.min(...theirs.map(({ median }) => median)) / mine.median };
}

interface Column {
  readonly title: string;
  readonly cell: (one: Measured, comparison: Comparison) => string;
}

/** how many times as long PyTorch's best takes, in the lines of ours */
const ratioColumn = (title: string, counts: (one: Measured) => boolean): Column => ({
  title,
  cell: (one, comparison) => {
    const ratio = one.side === 'ours' ? ratioTo(comparison, one, counts) : undefined;
    return ratio === undefined ? '' : both(ratio, times);
  },
});

/** A line a side: least and median of a step, how many times as long PyTorch takes, how far its numbers are from ours. */
export function comparisonTable({ caption, comparisons }: { readonly caption: string; readonly comparisons: readonly Comparison[] }): Table {
  const some = (holds: (one: Measured) => boolean): boolean => comparisons.some(({ measured }) => measured.some(holds));
  const unit = comparisons.find(({ amount }) => amount !== undefined)?.amount?.unit;
  const columns: readonly Column[] = [
    { title: '', cell: (one, { label, measured }) => (one === measured[0] ? label : '') },
    { title: '', cell: ({ name }) => name },
    { title: 'ms, least / median', cell: (one) => both(summarise(one.milliseconds), milliseconds) },
    ...(some(({ alone }) => alone !== undefined) ? [{ title: 'alone', cell: ({ alone }: Measured) => (alone === undefined ? '' : both(summarise(alone), milliseconds)) }] : []),
    ...(unit === undefined ? [] : [{ title: unit, cell: (one: Measured, { amount }: Comparison) => (amount === undefined ? '' : Math.round((amount.perStep * 1000) / summarise(one.milliseconds).median).toLocaleString('en')) }]),
    ratioColumn('PyTorch’s best / ours', ({ side, tuned }) => side === 'pytorch' && !tuned),
    ...(some(({ tuned }) => tuned) ? [ratioColumn('its best, malloc tuned / ours', ({ side }) => side === 'pytorch')] : []),
    { title: 'differs by', cell: ({ difference }) => (difference === undefined ? '' : difference.toExponential(0)) },
  ];
  const rows = comparisons.flatMap((comparison) => comparison.measured.map((one) => columns.map(({ cell }) => cell(one, comparison))));
  return { caption, columns: columns.map(({ title }) => title), rows };
}
