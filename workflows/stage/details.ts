import type { Interruption, StageOutcome } from '../../activities/index.js';
import type { FailedStage } from '../../lib/stages/types.js';
import { plainText } from './markdown.js';
import type { StagePlace } from './stage-place.js';
import type { ArmMetrics, Steering } from '../types.js';

/*
 * Markdown that the Temporal UI shows as a workflow's current details (tab "User Metadata"): what, how far, and the fix
 * where it failed. Lists, not tables: the UI sets a table's columns without a gap.
 */

export interface StageDetails {
  readonly place: StagePlace;
  readonly what: string;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly outcomes?: readonly StageOutcome[];
  readonly reason?: string;
}

export function stageDetails({ place: { run, stage }, what, state, outcomes = [], reason = 'unknown' }: StageDetails): string {
  const lines = [`Stage **${stage}** of run \`${run}\`: ${plainText(what)}`, ''];
  if (state === 'running') {
    lines.push(
      'State: **running**',
      '',
      '*Pending Activities* has its attempts: step, checkpoint and loss of the last heartbeat, and why the attempt before ended. An interrupted attempt is followed by another, which goes on from the newest checkpoint.',
      '',
      `Figures and time left: \`bliss status ${run} --follow\``,
    );
  }
  if (state === 'cancelled') lines.push('State: **cancelled**', '', `The last checkpoint is kept. To go on from it: \`bliss resume ${run}\``);
  if (state === 'failed') lines.push('State: **failed**', '', ...failureLines({ run, reason, stage }));
  if (state === 'done') {
    lines.push(outcomes.length > 0 && outcomes.every(({ cached }) => cached) ? 'State: **done** (found finished, not computed again)' : 'State: **done**', '');
    for (const { ref, summary } of outcomes) {
      lines.push(`- artifact: \`${ref.uri}\`, ${(ref.size / 1e6).toFixed(2)} MB`, `- digest of its content: \`${ref.digest}\``);
      for (const [name, value] of Object.entries(summary)) {
        if (typeof value === 'number') lines.push(`- ${name}: ${Number.isInteger(value) ? value : value.toPrecision(5)}`);
        if (typeof value === 'string' || typeof value === 'boolean') lines.push(`- ${name}: ${plainText(String(value))}`);
      }
    }
    lines.push(...interruptionLines(outcomes.flatMap(({ interruptions = [] }) => interruptions)));
  }
  return lines.join('\n');
}

export interface PipelineDetails {
  readonly run: string;
  readonly stages: readonly { readonly stage: string; readonly state: string }[];
  readonly steering: Steering;
  /** of finished stages that were interrupted */
  readonly interruptions: ReadonlyMap<string, readonly Interruption[]>;
  /** stages that have failed for good while the run goes on */
  readonly failed?: readonly FailedStage[];
  /** without a decay or evaluation that has failed */
  readonly goesOn?: boolean;
  readonly failure?: string;
  readonly cancelled?: boolean;
  /** of a finished run */
  readonly metrics?: readonly ArmMetrics[];
  /** why the newest notice that did not arrive did not */
  readonly undelivered?: string;
}

/** The pipeline's: how it stands first, then one line a stage. */
export function pipelineDetails({ run, stages, steering, interruptions, failed = [], goesOn = false, failure, cancelled = false, metrics, undelivered }: PipelineDetails): string {
  const done = stages.filter(({ state }) => state === 'done').length;
  const line = ({ stage, state }: PipelineDetails['stages'][number]): string => {
    const times = interruptions.get(stage)?.length ?? 0;
    const words = state === 'done' && times > 0 ? `done, after ${times} interruption${times > 1 ? 's' : ''}` : state;
    return `- ${stage}: ${state === 'running' || state === 'failed' || times > 0 ? `**${words}**` : words}`;
  };
  return [
    `Run \`${run}\`: **${done} of ${stages.length} stages done**`,
    '',
    ...(failure === undefined ? [] : ['State: **failed**', '', ...failureLines({ run, reason: failure })]),
    ...(failure === undefined && !cancelled ? failedLines({ run, failed, goesOn }) : []),
    ...(steering.paused && !cancelled && failure === undefined ? [`State: **paused**; checkpoints are saved, no stage runs. ${steering.spent === true ? `The budget of ${steering.gpuHours ?? 0} device-hours is spent: \`bliss budget ${run} --gpu-hours N\`` : `To go on: \`bliss resume ${run}\``}`, ''] : []),
    ...(steering.stopAfterRound === undefined ? [] : [`Ends after round ${steering.stopAfterRound}, as asked.`, '']),
    ...(cancelled ? [`State: **cancelled**; checkpoints are kept. To go on from them: \`bliss resume ${run}\``] : []),
    ...(metrics === undefined ? [] : ['Held-out text, loss in nats a token:', '', ...metrics.map(metricsLine), '', `Report: \`bliss report ${run}\``]),
    ...(undelivered === undefined ? [] : [`A notice did not arrive, and people may wait for it: ${undelivered}`, '']),
    ...(failure === undefined && metrics === undefined && !cancelled ? [`Figures and time left: \`bliss status ${run} --follow\``] : []),
    '',
    'Stages:',
    '',
    ...stages.map(line),
    ...[...interruptions].flatMap(([stage, each]) => interruptionLines(each, stage)),
  ].join('\n');
}

const failureLines = ({ run, reason, stage }: { readonly run: string; readonly reason: string; readonly stage?: string }): string[] => [
  `> ${plainText(reason)}`,
  '',
  `- Fix what the message names, then \`bliss resume ${run}\`: stages that are done are not computed again.`,
  `- If it is the configuration that must change: \`bliss run\` the changed file; a run keeps the configuration it began with.`,
  `- What led to it: \`bliss logs ${run}${stage === undefined ? '' : ` ${stage}`}\``,
];

/** What has failed beside what goes on, which may be for days. */
function failedLines({ run, failed, goesOn }: { readonly run: string; readonly failed: readonly FailedStage[]; readonly goesOn: boolean }): string[] {
  if (failed.length === 0) return [];
  const then = goesOn
    ? `The run goes on without ${failed.length > 1 ? 'them' : 'it'} (\`evaluation.onFailure: continue\`).`
    : `The arm ends at its next round, and the run with it. Fix what the message names, then \`bliss resume ${run}\`: stages that are done are not computed again.`;
  return ['State: **a stage has failed**', '', ...failed.map(({ stage, reason }) => `> ${stage}: ${plainText(reason)}`), '', then, ''];
}

const interruptionLines = (interruptions: readonly Interruption[], stage?: string): string[] =>
  interruptions.length === 0
    ? []
    : ['', `Interruptions${stage === undefined ? '' : ` of ${stage}`} (nothing is to be done: each next attempt went on by itself):`, '', ...interruptions.map(({ attempt, code, message }) => `- attempt ${attempt}, ${code}: ${plainText(message)}`)];

const metricsLine = ({ seed, arm, round, set, loss, lossStandardError, lastWordAccuracy }: ArmMetrics): string =>
  `- ${arm}, round ${round}, seed ${seed}, ${set} set: ${loss.toFixed(3)} ± ${lossStandardError.toFixed(3)}; last word right ${(100 * lastWordAccuracy).toFixed(1)}%`;
