import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html } from '../html.js';
import { count, mean, share, unique } from '../numbers.js';
import { draw, WIDE } from '../plot.js';
import type { ReportData, SourceSeparation } from '../types.js';
import type { Section } from './section.js';

/** Of one arm and round, the mean over seeds. */
interface Separated {
  readonly arm: string;
  readonly round: number;
  readonly seeds: number;
  readonly sources: readonly { readonly source: string; readonly rows: number; readonly over: readonly number[]; readonly overRest: number; readonly spread: number }[];
  readonly spread: number;
}

/** How often a row of one source has a higher score than a row of another, and how far scores differ within sources. None where no rows were scored. */
export function separationSections(data: ReportData): readonly Section[] {
  const all = meansOf(data);
  if (all.length === 0) return [];
  const last = Math.max(...all.map(({ round }) => round));
  const [now, before] = [all.filter(({ round }) => round === last), all.filter(({ round }) => round !== last)];
  return [{ id: 'separation', title: 'What the scores tell apart', body: html`${summaryTable(all)}${note(data)}<h3>Source against source, round ${last}</h3><div class="pair">${now.map(matrix)}</div>${before.length === 0 ? undefined : folded('Source against source, earlier rounds', html`${before.map(numbersOf)}`)}` }];
}

function meansOf({ arms, separations = [] }: ReportData): Separated[] {
  const rounds = unique(separations.map(({ round }) => round)).sort((a, b) => a - b);
  return arms.flatMap(({ name: arm }) => rounds.flatMap((round): Separated[] => {
    const own = separations.filter((one) => one.arm === arm && one.round === round);
    return own.length === 0 ? [] : [{ arm, round, seeds: own.length, sources: sourceMeans(own), spread: meanOf(own.map(({ spread }) => spread)) }];
  }));
}

const sourceMeans = (of: readonly SourceSeparation[]): Separated['sources'] =>
  of[0].sources.map(({ source }, i) => {
    const own = of.map(({ sources }) => sources[i]);
    return {
      source,
      rows: own.reduce((sum, { rows }) => sum + rows, 0),
      over: of[0].sources.map((_, j) => meanOf(own.map(({ over }) => over[j]))),
      overRest: meanOf(own.map(({ overRest }) => overRest)),
      spread: meanOf(own.map(({ spread }) => spread)),
    };
  });

/** of those that are there */
const meanOf = (values: readonly (number | null)[]): number => mean(values.filter((value) => value !== null));

function summaryTable(rows: readonly Separated[]): Html {
  return table({
    caption: 'How often a row of a source has a higher score than a row of all other sources, mean over seeds: 0.5 is no better than chance, and ties count half',
    rows,
    columns: [
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'round', numeric: true, cell: ({ round }) => round },
      ...rows[0].sources.map(({ source }, i) => ({ name: source, numeric: true, cell: ({ sources }: Separated) => share(sources[i].overRest) })),
      { name: 'spread within sources', numeric: true, cell: ({ spread }) => share(spread) },
    ],
  });
}

function note(data: ReportData): Html {
  const middle = data.arms.filter(({ selector }) => selector === 'perplexity-middle').map(({ name }) => name);
  return html`<p>Counted over all pairs of rows of the round’s group: Mann and Whitney’s U over the number of pairs, the area under the ROC curve. A row is of one source, though it may hold several of its documents. Spread within sources: the deviation of scores within a source over the deviation of all scores. Near 0 an arm sorts by source and by nothing else; at 1 its scores have nothing to do with the source.${middle.length === 0 ? undefined : ` ${middle.join(', ')} keeps rows from the middle: there a high score is not what is kept.`}</p>`;
}

const nameOf = ({ arm, round, seeds }: Separated): string => `${arm}, round ${round}${seeds > 1 ? `, mean over ${seeds} seeds` : ''}`;

function matrix(one: Separated): Html {
  const { sources } = one;
  const names = sources.map(({ source }) => source);
  const cells = sources.flatMap(({ source, over }) => over.flatMap((value, i) => (Number.isFinite(value) ? [{ source, other: names[i], value }] : [])));
  const graphic = draw({
    label: `how often a row of one source has a higher score than a row of another, ${nameOf(one)}`,
    width: WIDE / 2,
    height: 90 + 28 * names.length,
    marginLeft: 100,
    marginBottom: 70,
    x: { label: 'than a row of →', domain: names, tickRotate: -35 },
    y: { label: null, domain: names },
    marks: [
      Plot.cell(cells, { x: 'other', y: 'source', fill: (d: (typeof cells)[number]) => (d.value < 0.5 ? 'var(--ink-2)' : 'var(--ink-1)'), fillOpacity: (d: (typeof cells)[number]) => 0.9 * Math.abs(d.value - 0.5), inset: 0.5 }),
      Plot.text(cells, { x: 'other', y: 'source', text: (d: (typeof cells)[number]) => share(d.value), fill: 'currentColor', title: (d: (typeof cells)[number]) => `${d.source} over ${d.other}: ${d.value.toFixed(4)}` }),
    ],
  });
  return figure({
    graphic: html`<h4>${one.arm}</h4>${graphic}`,
    caption: `${nameOf(one)}. How often a row of the line’s source has a higher score than a row of the column’s. Blue: more often than not; the other colour: less often. What to see: the wanted source’s line is blue.`,
    numbers: folded('Numbers', numbersOf(one)),
  });
}

const numbersOf = (one: Separated): Html =>
  table({
    caption: `${nameOf(one)}: how often a row of the line’s source has the higher score`,
    rows: one.sources,
    columns: [
      { name: 'source', cell: ({ source }) => source },
      { name: one.seeds > 1 ? 'rows, all seeds' : 'rows', numeric: true, cell: ({ rows }) => count(rows) },
      ...one.sources.map(({ source }, i) => ({ name: `over ${source}`, numeric: true, cell: ({ over }: Separated['sources'][number]) => share(over[i]) })),
      { name: 'over all others', numeric: true, cell: ({ overRest }) => share(overRest) },
      { name: 'spread within', numeric: true, cell: ({ spread }) => share(spread) },
    ],
  });
