import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html } from '../html.js';
import { count, figures, mean, percent, times, unique } from '../numbers.js';
import { draw, symbol, WIDE } from '../plot.js';
import type { ReportData, SelectionFacts } from '../types.js';
import { armMarkLegend, armStyle, empty, legend, type Section } from './section.js';

const nameOf = ({ arm, round, seed }: { readonly arm: string; readonly round: number; readonly seed: number }): string => `${arm}, round ${round}, seed ${seed}`;
/** Rows up to which a table stands open. */
const SHORT_TABLE = 12;
/** Height of one source's strip in a histogram, px. */
const STRIP = 52;

export function scoresSection(data: ReportData): Section {
  const scored = data.selections.filter((one) => one.histogram !== undefined && one.histogram.edges.length > 1);
  const lastRound = Math.max(...scored.map(({ round }) => round));
  const first = scored.find(({ round }) => round === lastRound);
  const body = first === undefined ? empty('No rows were scored in this run.') : html`${histogram(first)}${scored.filter((one) => one !== first).map((one) => folded(`Scores of ${nameOf(one)}`, histogram(one)))}`;
  return { id: 'scores', title: 'Scores by source', body };
}

function histogram(facts: SelectionFacts): Html {
  const { edges, counts, threshold } = facts.histogram ?? { edges: [], counts: [] };
  const targets = facts.precision?.targetSources ?? [];
  const bins = counts.flatMap(({ source, counts: of }) => {
    const total = of.reduce((sum, n) => sum + n, 0);
    return of.map((n, i) => ({ source, low: edges[i], high: edges[i + 1], n, share: total === 0 ? 0 : (100 * n) / total }));
  });
  const graphic = draw({
    label: `histogram of scores by source, ${nameOf(facts)}${threshold === undefined ? '' : `; selected above ${figures(threshold)}`}`,
    width: WIDE,
    height: 60 + STRIP * counts.length,
    marginLeft: 56,
    marginRight: 150,
    x: { label: 'score: logit before the sigmoid →' },
    y: { label: '% of the source’s rows in a bin', ticks: 2, grid: true },
    fy: { label: null, domain: counts.map(({ source }) => source), padding: 0.18 },
    marks: [
      Plot.rectY(bins, { x1: 'low', x2: 'high', y: 'share', fy: 'source', insetLeft: 0.5, insetRight: 0, fill: (d: { source: string }) => (targets.includes(d.source) ? 'var(--ink-1)' : 'var(--muted)'), title: (d: (typeof bins)[number]) => `${d.source}, ${figures(d.low)} to ${figures(d.high)}: ${d.n} rows` }),
      Plot.ruleY([0], { stroke: 'var(--line)' }),
      ...(threshold === undefined ? [] : [Plot.ruleX([threshold], { stroke: 'var(--ink-2)', strokeWidth: 1.5, strokeDasharray: '4,3' })]),
    ],
  });
  const caption = `${nameOf(facts)}. One strip a source, on one scale; ${targets.length === 0 ? '' : `blue: the source the held-out text comes from (${targets.join(', ')}). `}${threshold === undefined ? '' : `Right of the dashed line (${figures(threshold)}) rows are selected. `}What to see: the wanted source lies further right than the others; strips that all peak at one place mean the score model tells nothing apart.`;
  return figure({
    graphic,
    caption,
    numbers: folded('Numbers', table({
      caption: 'Rows by bin of the logit and source',
      rows: edges.slice(0, -1).map((low, i) => ({ low, high: edges[i + 1], i })),
      columns: [
        { name: 'from', numeric: true, cell: ({ low }) => figures(low) },
        { name: 'to', numeric: true, cell: ({ high }) => figures(high) },
        ...counts.map(({ source, counts: of }) => ({ name: source, numeric: true, cell: ({ i }: { readonly i: number }) => count(of[i] ?? 0) })),
      ],
    })),
  });
}

interface Share {
  readonly seed: number; readonly arm: string; readonly round: number; readonly source: string;
  readonly rows: number; readonly selectedRows: number; readonly inCorpus: number; readonly inSelection: number; readonly lift: number;
}

function sharesOf(selections: readonly SelectionFacts[]): Share[] {
  return selections.flatMap(({ seed, arm, round, rows, selectedRows, sources }) => sources.map((one) => {
    const inCorpus = one.rows / rows;
    const inSelection = one.selectedRows / selectedRows;
    return { seed, arm, round, ...one, inCorpus, inSelection, lift: inSelection / inCorpus };
  }));
}

export function selectionSection(data: ReportData): Section {
  const shares = sharesOf(data.selections);
  const body = shares.length === 0 ? empty('Nothing was selected in this run.') : html`${shareFigure(data, shares)}${precisionFigure(data)}`;
  return { id: 'selection', title: 'What was selected', body };
}

function shareFigure(data: ReportData, shares: readonly Share[]): Html {
  const sources = unique(shares.map(({ source }) => source));
  const arms = unique(shares.map(({ arm }) => arm));
  const rounds = unique(shares.map(({ round }) => round)).sort((a, b) => a - b);
  const corpus = rounds.flatMap((round) => sources.map((source) => ({ round, source, share: 100 * mean(shares.filter((s) => s.round === round && s.source === source).map(({ inCorpus }) => inCorpus)) })));
  const graphic = draw({
    label: 'share of each source in the corpus and in each arm’s selection, by round',
    width: WIDE,
    height: 90 + 34 * sources.length,
    marginLeft: 120,
    x: { label: 'share (%) →', grid: true, zero: true, nice: true, ticks: 4 },
    y: { label: null, domain: sources, padding: 0.4 },
    fx: { label: null, domain: rounds, tickFormat: (round: number) => `round ${round}`, padding: 0.15 },
    marks: [
      Plot.tickX(corpus, { fx: 'round', x: 'share', y: 'source', stroke: 'currentColor', strokeWidth: 2, title: (d: (typeof corpus)[number]) => `corpus: ${d.share.toFixed(1)} % ${d.source}` }),
      ...arms.map((arm) => {
        const style = armStyle(data, arm);
        return Plot.dot(shares.filter((s) => s.arm === arm), {
          fx: 'round', x: (s: Share) => 100 * s.inSelection, y: 'source', fill: style.colour, fillOpacity: 0.8, stroke: 'var(--page)', strokeWidth: 0.7, r: 5, symbol: symbol(style.index),
          title: (s: Share) => `${nameOf(s)}: ${percent(s.inSelection)} ${s.source}`,
        });
      }),
    ],
  });
  return html`<h3>Share by source</h3>${armMarkLegend(data, arms)}${figure({
    graphic,
    caption: 'Upright strokes: share in the corpus. Marks: share in a selection, one a seed. What to see: random stays on the strokes; a method that selects moves the wanted source to the right and the others to the left.',
    numbers: folded('Share and lift, all numbers', table({
      caption: 'Lift: share in the selection over share in the corpus',
      rows: shares,
      columns: [
        { name: 'seed', numeric: true, cell: (s) => s.seed },
        { name: 'arm', cell: (s) => s.arm },
        { name: 'round', numeric: true, cell: (s) => s.round },
        { name: 'source', cell: (s) => s.source },
        { name: 'rows', numeric: true, cell: (s) => count(s.rows) },
        { name: 'selected', numeric: true, cell: (s) => count(s.selectedRows) },
        { name: 'share of corpus', numeric: true, cell: (s) => percent(s.inCorpus) },
        { name: 'share of selection', numeric: true, cell: (s) => percent(s.inSelection) },
        { name: 'lift', numeric: true, cell: (s) => times(s.lift) },
      ],
    })),
  })}${table({
    caption: `Lift in round ${rounds[rounds.length - 1]}, mean over seeds`,
    rows: sources,
    columns: [
      { name: 'source', cell: (source) => source },
      { name: 'share of corpus', numeric: true, cell: (source) => percent(mean(shares.filter((s) => s.source === source && s.round === rounds[rounds.length - 1]).map(({ inCorpus }) => inCorpus))) },
      ...arms.map((arm) => ({ name: `lift, ${arm}`, numeric: true, cell: (source: string) => times(mean(shares.filter((s) => s.source === source && s.arm === arm && s.round === rounds[rounds.length - 1]).map(({ lift }) => lift))) })),
    ],
  })}`;
}

function precisionFigure(data: ReportData): Html {
  const facts = data.selections.flatMap((one) => (one.precision === undefined ? [] : [{ ...one, precision: one.precision }]));
  if (facts.length === 0) return html``;
  const targets = unique(facts.flatMap(({ precision }) => precision.targetSources));
  const groups = unique(facts.map(({ arm, round }) => `${arm}, round ${round}`));
  const groupOf = (one: { readonly arm: string; readonly round: number }): string => `${one.arm}, round ${one.round}`;
  const base = facts.map((one) => ({ group: groupOf(one), value: (100 * one.sources.filter(({ source }) => targets.includes(source)).reduce((sum, { rows }) => sum + rows, 0)) / one.rows }));
  const dots = (key: 'all' | 'withoutTrainedRows') => facts.flatMap((one) => {
    const value = one.precision[key];
    return value === null ? [] : [{ group: groupOf(one), value: 100 * value, seed: one.seed }];
  });
  const graphic = draw({
    label: `precision by arm and round: share of ${targets.join(', ')} among the selected rows, with and without the rows that trained the scorer`,
    width: WIDE,
    height: 70 + 36 * groups.length,
    marginLeft: 130,
    x: { label: `precision: share of ${targets.join(', ')} among selected rows (%) →`, grid: true, zero: true, nice: true },
    y: { label: null, domain: groups, padding: 0.4 },
    marks: [
      Plot.tickX(base, { x: 'value', y: 'group', stroke: 'currentColor', strokeWidth: 1.5 }),
      Plot.dot(dots('all'), { x: 'value', y: 'group', fill: 'var(--ink-1)', r: 5, dy: -5, title: (d: { seed: number; value: number }) => `seed ${d.seed}: ${d.value.toFixed(1)} %` }),
      Plot.dot(dots('withoutTrainedRows'), { x: 'value', y: 'group', stroke: 'var(--ink-2)', strokeWidth: 1.8, r: 4.5, symbol: 'square', dy: 5, title: (d: { seed: number; value: number }) => `seed ${d.seed}, without trained rows: ${d.value.toFixed(1)} %` }),
    ],
  });
  return html`<h3>Precision at the selected fraction</h3>${legend([{ name: 'all selected rows', colour: 'var(--ink-1)', mark: 'disc' }, { name: 'without rows that trained the scorer', colour: 'var(--ink-2)', mark: 'open square' }, { name: 'corpus', colour: 'currentColor', mark: 'stroke' }])}${figure({
    graphic,
    caption: 'One mark a seed; upright strokes: share in the corpus, what random selection gives. What to see: discs and squares lie together; discs far to the right of their squares would mean that the scorer remembers the rows it was trained on.',
    numbers: folded('Numbers', table({
      caption: `Share of ${targets.join(', ')} among the selected rows`,
      rows: facts,
      columns: [
        { name: 'seed', numeric: true, cell: (f) => f.seed },
        { name: 'arm', cell: (f) => f.arm },
        { name: 'round', numeric: true, cell: (f) => f.round },
        { name: 'selected rows', numeric: true, cell: (f) => `${count(f.selectedRows)} of ${count(f.rows)}` },
        { name: 'precision', numeric: true, cell: (f) => (f.precision.all === null ? '–' : percent(f.precision.all)) },
        { name: 'without trained rows', numeric: true, cell: (f) => (f.precision.withoutTrainedRows === null ? '–' : percent(f.precision.withoutTrainedRows)) },
        { name: 'trained rows among them', numeric: true, cell: (f) => count(f.precision.trainedRowsSelected) },
      ],
    }), facts.length <= SHORT_TABLE),
  })}`;
}
