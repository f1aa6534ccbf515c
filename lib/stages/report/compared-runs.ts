import { compareArms, leadText, missingEvaluations, type ComparedArm } from '../../report/index.js';
import { armComparison } from './arm-comparison.js';
import { evaluationPoints, numericsFacts, stageTimings } from './report-data.js';
import { openStages, type RenderReport } from './report.js';

/** Arms of finished runs side by side, without the rest of a report. */
export interface ComparedRuns {
  readonly arms: readonly ComparedArm[];
  /** whether the first arm of selector bliss is ahead */
  readonly lead?: string;
  /** held-out set that losses are of */
  readonly set: 'test' | 'tuning';
  readonly notes: readonly string[];
}

export async function compareRuns({ store, config, stages, timings, failed = [], notes = [] }: Omit<RenderReport, 'temporaryFolder'>): Promise<ComparedRuns> {
  const opened = await openStages(store, stages);
  const metrics = await evaluationPoints(config, opened);
  const comparison = await armComparison({ config, opened, timings: stageTimings(opened, timings) });
  const arms = compareArms({ arms: config.comparison.arms, metrics, comparison, ...(failed.length === 0 ? {} : { missing: missingEvaluations(failed) }) });
  const lead = leadText(arms);
  // what several runs were computed by may differ
  const made = { ...(await numericsFacts(opened)), 'made by': [...new Set(opened.flatMap(({ artifacts }) => artifacts.map(({ manifest }) => manifest.lineage.codeVersion)))].sort((a, b) => (a < b ? -1 : 1)).join(' | ') };
  return {
    arms,
    ...(lead === undefined ? {} : { lead }),
    set: metrics.some(({ set }) => set === 'test') ? 'test' : 'tuning',
    notes: [...notes, ...failed.map(({ stage, reason }) => `${stage} failed, and its run went on without it: ${reason}`), ...Object.entries(made).flatMap(([what, by]) => (by.includes(' | ') ? [`${what} more than one: ${by}`] : []))],
  };
}
