import { folded, html, table, type Html } from '../html.js';
import { count, figures, mean, percent, standardError, unique } from '../numbers.js';
import type { ReportData, TaskPoint } from '../types.js';
import type { Section } from './section.js';

/** A task's metric after a round, of all arms and seeds. */
interface Row {
  readonly task: string;
  readonly metric: TaskPoint['metric'];
  readonly round: number;
  readonly points: readonly TaskPoint[];
}

/** None where the run has no zero-shot tasks. */
export function tasksSection(data: ReportData): Section[] {
  const { tasks = [] } = data;
  if (tasks.length === 0) return [];
  const rounds = unique(tasks.map(({ round }) => round)).sort((a, b) => b - a);
  const [last, ...earlier] = rounds;
  const many = unique(tasks.map(({ seed }) => seed)).length > 1;
  const body = html`${tableOf(data, tasks, last, many)}${earlier.length === 0 ? undefined : folded('Earlier rounds', html`${earlier.map((round) => tableOf(data, tasks, round, many))}`)}${many ? folded('Every seed', seedsTable(tasks)) : undefined}`;
  return [{ id: 'tasks', title: 'Zero-shot tasks', body }];
}

function tableOf(data: ReportData, tasks: readonly TaskPoint[], round: number, many: boolean): Html {
  const points = tasks.filter((point) => point.round === round);
  const arms = data.arms.filter(({ name }) => points.some(({ arm }) => arm === name));
  const random = arms.find(({ selector }) => selector === 'random')?.name;
  const rows = unique(points.map(({ task, metric }) => `${task} ${metric}`)).map((key): Row => {
    const own = points.filter(({ task, metric }) => `${task} ${metric}` === key);
    const [{ task, metric }] = own;
    return { task, metric, round, points: own };
  });
  const errors = many ? 'standard error over seeds' : 'standard error over items, that of a difference paired by item';
  return table({
    caption: `After round ${round}; asked as lm-evaluation-harness asks, zero-shot; ± ${errors}`,
    rows,
    columns: [
      { name: 'task', cell: ({ task }) => task },
      { name: 'metric', cell: ({ metric }) => (metric === 'perplexity' ? 'perplexity (lower is better)' : metric) },
      { name: 'items', numeric: true, cell: (row) => count(row.points[0].items) },
      ...arms.map(({ name }) => ({ name, numeric: true, cell: (row: Row) => armCell(row, name) })),
      ...arms.flatMap(({ name }) => (random === undefined || name === random ? [] : [{ name: `${name} − ${random}`, numeric: true, cell: (row: Row) => differenceCell(row, name, random) }])),
    ],
  });
}

function armCell({ metric, points }: Row, arm: string): string {
  const own = points.filter((point) => point.arm === arm);
  if (own.length === 0) return '–';
  const values = own.map(({ value }) => value);
  return withError(metric, mean(values), standardError(values) ?? own[0].standardError);
}

/** Seed by seed where there are several; of one seed with the error paired by item. */
function differenceCell({ metric, points }: Row, arm: string, random: string): string {
  const pairs = points.flatMap((point) => {
    const other = points.find((one) => one.arm === random && one.seed === point.seed);
    return point.arm !== arm || other === undefined ? [] : [{ difference: point.value - other.value, paired: point.pairedStandardError }];
  });
  if (pairs.length === 0) return '–';
  const differences = pairs.map(({ difference }) => difference);
  return withError(metric, mean(differences), standardError(differences) ?? pairs[0].paired ?? null);
}

function seedsTable(points: readonly TaskPoint[]): Html {
  return table({
    caption: '± standard error over items',
    rows: points,
    columns: [
      { name: 'seed', numeric: true, cell: (p) => p.seed },
      { name: 'arm', cell: (p) => p.arm },
      { name: 'round', numeric: true, cell: (p) => p.round },
      { name: 'task', cell: (p) => p.task },
      { name: 'metric', cell: (p) => p.metric },
      { name: 'value', numeric: true, cell: (p) => withError(p.metric, p.value, p.standardError) },
    ],
  });
}

function withError(metric: TaskPoint['metric'], value: number, error: number | null): string {
  const show = metric === 'perplexity' ? figures : percent;
  return error === null ? show(value) : `${show(value)} ± ${show(error)}`;
}
