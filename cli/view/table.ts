import type { StageProgressFile } from '../../lib/home.js';
import { oneLine } from '../../lib/printable.js';
import { bar, columns, duration, percent, quantity } from '../format.js';
import { currentStages, type RunView } from './view.js';
import { counted } from '../../lib/counted.js';
import { isFinished } from '../../lib/timings.js';

const BAR_WIDTH = 16;
/** Less is what a stage that is fed well waits, or only its first batch: nothing to act on. */
const WAIT_SHOWN = { share: 0.01, seconds: 1 };
const MARK: Record<StageProgressFile['state'], string> = { waiting: '·', running: '▶', preempted: '‖', done: '✓', cached: '=', failed: '✗' };

/** A stage a line: state, progress, loss, rate, time left; how much of its time it waits for data where that is much, and what a reader must know. */
export function stageTable(stages: readonly StageProgressFile[]): string[] {
  return columns(stages.map((stage) => [`${MARK[stage.state]} ${stage.stage}`, stateText(stage), progressText(stage), lossText(stage), rateText(stage), timeText(stage), waitText(stage), toKnow(stage)]));
}

/** One stage as a sentence, for logs. Why it failed is told once, when the run has ended. */
export function stageLine(stage: StageProgressFile): string {
  const parts = [stateText(stage), stage.of > 0 ? `${stage.step}/${stage.of}` : '', lossText(stage), rateText(stage), timeText(stage), waitText(stage), stage.note ?? '', stage.state === 'running' && stage.before !== undefined && stage.step === 0 ? beforeText(stage.before) : ''];
  return oneLine(`${stage.stage}: ${parts.filter((part) => part !== '').join(', ')}${stage.error === undefined || stage.state === 'failed' ? '' : ` (${stage.error})`}`);
}

export function runHeadline(view: RunView): string {
  const done = view.stages.filter(isFinished).length;
  const now = view.state === 'running' ? currentStages(view).map(({ stage }) => stage).slice(0, 2).join(', ') : '';
  const failed = view.failures === undefined ? '' : `${view.failures.count} failed`;
  return [`${view.run}: ${view.state}`, `${done} of ${counted(view.stages.length, 'stage')} done`, failed, now, elapsed(view)].filter((part) => part !== '').join('; ');
}

/** The table cut to the height of the terminal: finished and waiting stages give way to the running ones. */
export function fittingTable(view: RunView, height: number): string[] {
  if (view.stages.length <= height) return stageTable(view.stages);
  const first = view.stages.findIndex((stage) => !isFinished(stage));
  const start = Math.max(0, Math.min(first === -1 ? view.stages.length : first - 2, view.stages.length - height + 2));
  const shown = view.stages.slice(start, start + Math.max(1, height - 2));
  const after = view.stages.length - start - shown.length;
  return [...(start > 0 ? [`  … ${start} before`] : []), ...stageTable(shown), ...(after > 0 ? [`  … ${after} more`] : [])];
}

function stateText({ state, phase, attempt }: StageProgressFile): string {
  const what = state === 'cached' ? 'found finished' : state === 'running' && phase !== undefined ? phase : state;
  return attempt > 1 && state === 'running' ? `${what} (attempt ${attempt})` : what;
}

function progressText({ state, step, of }: StageProgressFile): string {
  if (of === 0 || state === 'cached') return '';
  return state === 'done' ? counted(of, 'step') : `${bar(step / of, BAR_WIDTH)} ${step}/${of}`;
}

function lossText({ metrics }: StageProgressFile): string {
  const [name, value] = 'loss' in metrics ? ['loss', metrics['loss']] : (Object.entries(metrics)[0] ?? []);
  return name === undefined || value === undefined ? '' : `${name} ${value.toPrecision(4)}`;
}

const rateText = ({ rate, state }: StageProgressFile): string => (rate === undefined || state === 'cached' ? '' : `${quantity(rate.value)} ${rate.unit}`);

function timeText({ state, atMost, etaSeconds, startedAt, updatedAt }: StageProgressFile): string {
  if (state === 'running') return etaSeconds === undefined ? '' : `${atMost === true ? 'at most ' : ''}${duration(etaSeconds)} left`;
  return state === 'done' ? `took ${duration((Date.parse(updatedAt) - Date.parse(startedAt)) / 1000)}` : '';
}

/** What a reader must know of the result, what a stage waits for that tries again by itself, and why it is at another attempt. */
const toKnow = ({ state, note, error, before }: StageProgressFile): string =>
  [note, state === 'waiting' || state === 'preempted' ? error : undefined, state === 'running' && before !== undefined ? beforeText(before) : undefined].filter((text) => text !== undefined).join('; ');

/** One worker that is lost is a preemption; one after the other, with nothing gained, is worth a look. */
const beforeText = ({ attempt, code, message, lost }: NonNullable<StageProgressFile['before']>): string =>
  `attempt ${attempt} ended: ${code}: ${oneLine(message)}${lost > 1 ? `; ${lost} in a row lost their workers with no new step: see that workers stay up and reach the server, or raise worker.heartbeatTimeout` : ''}`;

/** `waits for data 12.0 %` */
function waitText({ state, dataWait }: StageProgressFile): string {
  if (dataWait === undefined || state === 'cached' || dataWait.of === 0) return '';
  const share = dataWait.seconds / dataWait.of;
  return share < WAIT_SHOWN.share || dataWait.seconds < WAIT_SHOWN.seconds ? '' : `${state === 'running' ? 'waits' : 'waited'} for data ${percent(share)}`;
}

function elapsed({ submittedAt, finishedAt, state }: RunView): string {
  if (finishedAt === undefined && state !== 'running') return '';
  return duration(((finishedAt === undefined ? Date.now() : Date.parse(finishedAt)) - Date.parse(submittedAt)) / 1000);
}
