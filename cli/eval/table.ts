import type { TaskMetric } from '../../lib/evaluation/index.js';
import { columns, percent } from '../format.js';
import type { EvaluatedTask } from './job.js';
import { counted } from '../../lib/counted.js';

/** A metric a line, as the harness shows them, and what a reader must know of them. */
export function evaluationTable(tasks: readonly EvaluatedTask[]): string[] {
  const head = ['task', 'version', 'items', 'metric', 'value'];
  const rows = tasks.flatMap(({ task, version, items, documents, metrics }) =>
    metrics.map((metric, i) => [...(i === 0 ? [task, String(version), items < documents ? `${items} of ${documents}` : String(items)] : ['', '', '']), `${metric.name} ${metric.higherIsBetter ? '↑' : '↓'}`, valueText(metric)]),
  );
  return [...columns([head, ...rows]), ...tasks.flatMap(cutNotes)];
}

/** `62.3 % ± 1.1 %`, `38.1 ± 1.4` */
export function valueText({ name, value, standardError }: Pick<TaskMetric, 'name' | 'value' | 'standardError'>): string {
  const show = name === 'perplexity' ? (x: number): string => (x < 1e6 ? x.toFixed(2) : x.toExponential(2)) : percent;
  return standardError === null ? show(value) : `${show(value)} ± ${show(standardError)}`;
}

function cutNotes({ task, cut: { requests: whole, continuations } }: EvaluatedTask): string[] {
  return [
    ...(whole === 0 ? [] : [`${task}: of ${counted(whole, 'request')} the beginning does not fit the model's context and was left out`]),
    ...(continuations === 0 ? [] : [`${task}: of ${counted(continuations, 'request')} not even the choice fits; the harness would refuse them`]),
  ];
}
