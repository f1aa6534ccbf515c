import type { StageResult } from '../lib/stages/types.js';
import type { StagePlace } from './stage.js';

/** Markdown that the Temporal UI shows as a workflow's current details: what, how far, and the mend where it failed. */
export function stageDetails({ place, what, state, results = [], reason }: { readonly place: StagePlace; readonly what: string; readonly state: 'running' | 'done' | 'failed' | 'cancelled'; readonly results?: readonly StageResult[]; readonly reason?: string }): string {
  const lines = [`**${place.stage}** of run \`${place.run}\`: ${what}`, ''];
  if (state === 'running') {
    lines.push('State: **running**. Attempts, heartbeats (step, checkpoint, loss) and failures of single attempts are under *Pending Activities*; a preempted attempt is followed by the next, which goes on from the checkpoint.');
  }
  if (state === 'cancelled') lines.push(`State: **cancelled**; the last checkpoint is kept. \`bliss resume ${place.run}\` goes on from it.`);
  if (state === 'failed') lines.push('State: **failed**', '', `> ${reason ?? 'unknown'}`, '', `Mend: do what the message says, then \`bliss resume ${place.run}\`; finished stages are not computed again. Log: \`bliss logs ${place.run} ${place.stage}\``);
  if (state === 'done') {
    lines.push(results.some((result) => result.cached) ? 'State: **done**, found finished (not computed again)' : 'State: **done**', '', '| result | |', '|---|---|');
    for (const { ref, summary } of results) {
      lines.push(`| artifact | \`${ref.uri}\` (${(ref.size / 1e6).toFixed(2)} MB) |`, `| digest | \`${ref.digest}\` |`);
      for (const [name, value] of Object.entries(summary)) if (typeof value !== 'object') lines.push(`| ${name} | ${typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(5) : String(value)} |`);
    }
  }
  return lines.join('\n');
}

/** The pipeline's: one line a stage. */
export function pipelineDetails({ run, stages, failure }: { readonly run: string; readonly stages: readonly { readonly stage: string; readonly state: string }[]; readonly failure?: string }): string {
  const done = stages.filter(({ state }) => state === 'done').length;
  return [
    `Run \`${run}\`: **${done} of ${stages.length} stages done**. Figures and ETA: \`bliss status ${run}\``,
    ...(failure === undefined ? [] : ['', '**Failed**', '', `> ${failure}`, '', `Mend: do what the message says, then \`bliss resume ${run}\`; finished stages are not computed again.`]),
    '',
    '| stage | state |',
    '|---|---|',
    ...stages.map(({ stage, state }) => `| ${stage} | ${state} |`),
  ].join('\n');
}
