import { html, table } from '../html.js';
import { count, figures, percent } from '../numbers.js';
import type { LearntFigures, LearntTable, ReportData } from '../types.js';
import type { Section } from './section.js';

const WRITTEN: { readonly [As in LearntTable['columns'][number]['as']]: (value: number) => string } = { count, figures, percent, correlation: (value) => value.toFixed(3) };

/** How stages by which arms learn have fared; nothing where none tells. */
export const learntSections = ({ learnt = [] }: ReportData): readonly Section[] => learnt.map(learntSection);

function learntSection({ id, title, caption, columns, rows, note }: LearntFigures): Section {
  const numbers = table({
    caption,
    rows,
    columns: [
      { name: 'seed', numeric: true, cell: ({ seed }) => seed },
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'round', numeric: true, cell: ({ round }) => round },
      ...columns.map(({ name, as }, i) => ({ name, numeric: true, cell: ({ values }: LearntFigures['rows'][number]) => WRITTEN[as](values[i]) })),
    ],
  });
  return { id, title, body: note === undefined ? numbers : html`${numbers}<p>${note}</p>` };
}
