import type { Home } from '../../lib/home.js';
import { oneLine } from '../../lib/printable.js';
import type { ArmMetrics, PipelineInput } from '../../workflows/types.js';
import type { TaskPoint } from '../../lib/report/index.js';
import { alertLines } from '../view/index.js';
import { valueText } from '../eval/table.js';
import { columns, percent } from '../format.js';
import type { ExitCode, Output } from '../output.js';
import { readJson, type RunOutcome } from '../runs.js';
import { withHome } from '../suggested.js';

export interface Summarize {
  readonly home: Home;
  readonly run: string;
  readonly outcome: RunOutcome;
  readonly output: Output;
  /** `--home DIR` as the user gave it, for the commands we suggest */
  readonly homeOption: string;
}

/** Says how a run ended: the arms' figures and the verdict, or what failed and the fix. */
export async function summarize({ home, run, outcome, output, homeOption }: Summarize): Promise<ExitCode> {
  const folder = home.run(run);
  const { state, result, failure } = outcome;
  output.answer({
    run,
    state,
    digests: result?.digests ?? null,
    metrics: result?.metrics ?? [],
    ...(result?.tasks === undefined ? {} : { tasks: result.tasks }),
    report: state === 'done' ? folder.report : null,
    ...(failure === undefined ? {} : { error: { ...failure, message: withHome(failure.message, homeOption), ...(failure.fix === undefined ? {} : { fix: withHome(failure.fix, homeOption) }) } }),
    ...(result?.failed === undefined ? {} : { failed: result.failed }),
  });
  if (result === undefined) {
    output.fault(failureText({ run, outcome, homeOption }));
    return 1;
  }
  output.say(['', ...metricsTable(result.metrics), '', ...(result.tasks === undefined ? [] : [...tasksTable(result.tasks), ''])].join('\n'));
  const input = readJson<PipelineInput>(folder.input);
  if (input !== undefined && !output.json) {
    const { missingEvaluations, verdictOf } = await import('../../lib/report/index.js'); // brings the plotting library: not for every command
    const { headline, detail } = verdictOf({ arms: input.config.comparison.arms, metrics: result.metrics, missing: missingEvaluations(result.failed) });
    output.say(`${headline}\n${detail}\n`);
  }
  // a note, so that the log has it with --json too: where the run ends at once after a failure, its display has not told of it
  if (result.failed !== undefined) output.note(alertLines({ state, goOnBy: `bliss resume ${run}${homeOption}`, failures: { count: result.failed.length, newest: result.failed } }).join('\n'));
  if (result.stoppedAfterRound !== undefined) output.say(`stopped after round ${result.stoppedAfterRound}, as asked; the other rounds: bliss resume ${run}${homeOption}`);
  output.say(`report: ${folder.report}`);
  return 0;
}

function metricsTable(metrics: readonly ArmMetrics[]): string[] {
  const seeds = new Set(metrics.map(({ seed }) => seed)).size > 1;
  const head = [...(seeds ? ['seed'] : []), 'arm', 'round', 'set', 'loss', 'perplexity', 'last-word accuracy'];
  const rows = metrics.map((m) => [
    ...(seeds ? [String(m.seed)] : []),
    m.arm,
    String(m.round),
    m.set,
    `${m.loss.toFixed(3)} ± ${m.lossStandardError.toFixed(3)}`,
    m.perplexity.toFixed(1),
    `${percent(m.lastWordAccuracy)} ± ${percent(m.lastWordAccuracyStandardError)}`,
  ]);
  return columns([head, ...rows]);
}

/** Of one round, the arms side by side. */
function tasksTable(tasks: readonly TaskPoint[]): string[] {
  const [{ round }] = tasks;
  const arms = [...new Set(tasks.map(({ arm }) => arm))];
  const seeds = new Set(tasks.map(({ seed }) => seed)).size > 1;
  const rows = new Map<string, { readonly head: readonly string[]; readonly cells: Map<string, string> }>();
  for (const point of tasks) {
    const { seed, arm, task, metric, items } = point;
    const key = `${seed} ${task} ${metric}`;
    const row = rows.get(key) ?? { head: [...(seeds ? [String(seed)] : []), task, metric, String(items)], cells: new Map<string, string>() };
    rows.set(key, row);
    row.cells.set(arm, valueText({ ...point, name: metric }));
  }
  return columns([[...(seeds ? ['seed'] : []), 'task', 'metric', 'items', ...arms.map((arm) => `${arm}, round ${round}`)], ...[...rows.values()].map(({ head, cells }) => [...head, ...arms.map((arm) => cells.get(arm) ?? '')])]);
}

const HOW: Record<RunOutcome['state'], string> = { done: 'is done', failed: 'failed', cancelled: 'was cancelled', terminated: 'was terminated', 'timed-out': 'ran out of time' };

/** What failed, why, and the fix. */
export function failureText({ run, outcome: { state, failure }, homeOption }: Pick<Summarize, 'run' | 'outcome' | 'homeOption'>): string {
  const stage = failure?.stage;
  // the run's end and a person's own doing need no further reason
  const why = failure === undefined || state === 'cancelled' || state === 'terminated' ? [] : [`  ${failure.code}: ${failure.where === undefined ? '' : `${oneLine(failure.where)}: `}${oneLine(failure.message)}`];
  const fix = failure?.fix === undefined || failure.message.includes(failure.fix) ? [] : [`  fix: ${oneLine(failure.fix)}`];
  return [
    `error: the run ${run} ${HOW[state]}${stage === undefined ? '' : ` in ${stage}`}`,
    ...why,
    ...fix,
    ...(stage === undefined || state !== 'failed' ? [] : [`  log:  bliss logs ${run} ${stage}${homeOption}`]),
    `  then: bliss resume ${run}${homeOption} (finished stages are not computed again)${state === 'failed' ? '; if the configuration must change, run it again with `bliss run`: finished stages that still fit are used' : ''}`,
  ].join('\n');
}
