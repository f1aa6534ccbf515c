import type { Table } from './bench.js';
import type { Measured } from './compare.js';
import { summarise, type Summary } from './statistics.js';

/** Timings of one case, all taken in one sitting. */
export interface Comparison {
  readonly label: string;
  readonly measured: readonly Measured[];
}

/** least and median of the faster of PyTorch's sides, each by itself, over ours */
export interface Ratio {
  readonly least: number;
  readonly median: number;
}

const milliseconds = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
const both = ({ least, median }: Summary): string => `${milliseconds(least)} / ${milliseconds(median)}`;

/** How many times as long PyTorch's best takes as `ours`; nothing where there is no PyTorch. */
export function ratioToPyTorch({ measured }: Comparison, ours: Measured): Ratio | undefined {
  const theirs = measured.filter(({ side }) => side === 'pytorch').map((one) => summarise(one.milliseconds));
  if (theirs.length === 0) return undefined;
  const mine = summarise(ours.milliseconds);
  return { least: Math.min(...theirs.map(({ least }) => least)) / mine.least, median: Math.min(...theirs.map(({ median }) => median)) / mine.median };
}

/** A line a side: least and median, the ratio of PyTorch's best to ours, and what tells whether the measurement is sound. */
export function comparisonTable({ caption, comparisons }: { readonly caption: string; readonly comparisons: readonly Comparison[] }): Table {
  const hasAlone = comparisons.some(({ measured }) => measured.some(({ alone }) => alone !== undefined));
  const rows = comparisons.flatMap((comparison) =>
    comparison.measured.map((one, i) => {
      const ratio = one.side === 'ours' ? ratioToPyTorch(comparison, one) : undefined;
      return [
        i === 0 ? comparison.label : '',
        one.name,
        both(summarise(one.milliseconds)),
        ...(hasAlone ? [one.alone === undefined ? '' : both(summarise(one.alone))] : []),
        ratio === undefined ? '' : `${ratio.least.toFixed(2)} / ${ratio.median.toFixed(2)}`,
        one.difference === undefined ? '' : one.difference.toExponential(0),
      ];
    }),
  );
  return { caption, columns: ['', '', 'ms, least / median', ...(hasAlone ? ['alone'] : []), 'PyTorch’s best / ours, least / median', 'differs from ours by'], rows };
}
