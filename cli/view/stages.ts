import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { STAGE_NAMES, type StageName } from '../../config/tables/stages.js';
import type { RunFolder, StageProgressFile } from '../../lib/home.js';
import { isFinished } from '../../lib/timings.js';
import { planStages } from '../../workflows/plan.js';
import type { PipelineInput } from '../../workflows/types.js';
import { readJson } from '../runs.js';

/** Every progress file of a run, in the order in which they began. */
export function readProgress({ progressFolder }: RunFolder): StageProgressFile[] {
  if (!existsSync(progressFolder)) return [];
  return readdirSync(progressFolder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => readJson<StageProgressFile>(path.join(progressFolder, file)) ?? [])
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt) || a.stage.localeCompare(b.stage));
}

/** Every stage of a run in canonical order, begun or not; one that works in parts is shown whole. Read from the folder alone. */
export function readStages(folder: RunFolder): StageProgressFile[] {
  const begun = readProgress(folder);
  const input = readJson<PipelineInput>(folder.input);
  if (input === undefined) return begun;
  const planned = planStages(input.config);
  const known = new Map(begun.map((stage) => [stage.stage, stage]));
  return planned.map((stage, index) => {
    const own = known.get(stage);
    if (own !== undefined) return own;
    const parts = begun.filter((part) => part.stage.startsWith(`${stage}/`));
    const next = planned[index + 1];
    return parts.length === 0 ? waiting(stage) : whole({ stage, parts, over: next !== undefined && known.has(next) });
  });
}

const waiting = (stage: string): StageProgressFile => ({ stage, state: 'waiting', attempt: 0, step: 0, of: 0, metrics: {}, startedAt: '', updatedAt: '' });

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * `round-1/scoring` of `round-1/scoring/shards-0-2`, … Parts that have not begun are not known here: until the stage after it
 * has begun, finished parts leave it running.
 */
function whole({ stage, parts, over }: { readonly stage: string; readonly parts: readonly StageProgressFile[]; readonly over: boolean }): StageProgressFile {
  const open = parts.filter((part) => !isFinished(part));
  const finished = parts.every(({ state }) => state === 'cached') ? 'cached' : 'done';
  const worst = (['failed', 'running', 'preempted'] as const).find((state) => open.some((part) => part.state === state));
  const state = open.length === 0 ? (over ? finished : 'running') : (worst ?? 'running');
  // parts side by side add up; those that are over have no rate any more
  const rates = (state === 'running' ? open : parts).flatMap(({ rate }) => rate ?? []);
  const [first] = rates;
  const waits = parts.flatMap(({ dataWait }) => dataWait ?? []);
  const times = parts.map(({ startedAt, updatedAt }) => ({ startedAt, updatedAt }));
  const error = parts.find((part) => part.error !== undefined)?.error;
  const before = parts.filter((part) => part.state === 'running' && part.before !== undefined).sort((a, b) => b.attempt - a.attempt)[0]?.before;
  const note = parts.find((part) => part.note !== undefined)?.note;
  return {
    stage,
    state,
    attempt: parts.reduce((most, { attempt }) => Math.max(most, attempt), 0),
    step: sum(parts.map((part) => part.step)),
    of: sum(parts.map((part) => part.of)),
    metrics: {},
    ...(first === undefined || state !== 'running' ? {} : { rate: { unit: first.unit, value: sum(rates.map(({ value }) => value)) } }),
    ...(waits.length === 0 ? {} : { dataWait: { seconds: sum(waits.map(({ seconds }) => seconds)), of: sum(waits.map(({ of }) => of)) } }),
    ...(note === undefined ? {} : { note }),
    ...(before === undefined ? {} : { before }),
    ...(error === undefined ? {} : { error }),
    startedAt: times.map(({ startedAt }) => startedAt).sort()[0] ?? '',
    updatedAt: times.map(({ updatedAt }) => updatedAt).sort().at(-1) ?? '',
  };
}

/** `seed-0/bliss/round-1/scoring/shards-0-2` is a part of a scoring stage. undefined: the report */
export function stageNameOf(stage: string): StageName | undefined {
  const last = stage.split('/').at(-1) ?? '';
  if (last.startsWith('shards-')) return 'scoring';
  if (/\/import\/(proxy|target)$/.test(stage)) return 'importing';
  if (['proxy', 'target', 'pretraining', 'decay'].includes(last)) return 'training';
  return STAGE_NAMES.find((name) => name === last && name !== 'report');
}
