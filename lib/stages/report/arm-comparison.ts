import type { RunConfig } from '../../../config/schema.js';
import { selectorRow } from '../../../config/tables/selectors.js';
import { isLearningStage, LEARNING_STAGES, type StageName } from '../../../config/tables/stages.js';
import { parquetRows } from '../../data/index.js';
import { mean } from '../../mean.js';
import type { ArmCost, ReportData, StageTiming } from '../../report/index.js';
import { LEARNING } from '../learning.js';
import type { StageResult } from '../types.js';
import type { OpenedStage } from './opened-stage.js';
import { scoringWork } from './work.js';

/** stages that an arm has to choose its rows by */
const TO_CHOOSE: readonly StageName[] = [...LEARNING_STAGES, 'scoring', 'selection'];

/** Weights that were given were warm before the run. */
export const targetWarmUpSteps = ({ models, warmUp }: RunConfig): number => (models.target.from === undefined ? warmUp.steps : 0);

/** What the report tells of arms side by side, besides their losses. */
export async function armComparison({ config, opened, timings }: { readonly config: RunConfig; readonly opened: readonly OpenedStage[]; readonly timings: readonly StageTiming[] }): Promise<NonNullable<ReportData['comparison']>> {
  const { batchSize, steps } = config.pretraining;
  const T = config.data.sequenceLength;
  return {
    overlaps: await overlapsOf(opened),
    costs: config.comparison.arms.map(({ name }) => ({ arm: name, ...costOf({ arm: name, config, opened, timings }) })),
    tokens: { warmUp: targetWarmUpSteps(config) * config.warmUp.batchSize * T, round: steps * batchSize * T },
  };
}

function costOf({ arm, config, opened, timings }: { readonly arm: string; readonly config: RunConfig; readonly opened: readonly OpenedStage[]; readonly timings: readonly StageTiming[] }): Omit<ArmCost, 'arm'> {
  const own = opened.filter(({ stage }) => stage.arm === arm && TO_CHOOSE.includes(stage.name));
  const paths = new Set(own.map(({ stage }) => stage.stage));
  const { models, data } = config;
  const selector = config.comparison.arms.find(({ name }) => name === arm)?.selector;
  const by = selector === undefined ? null : selectorRow(selector).scoredBy;
  const shards = { first: 0, end: Math.ceil(data.rowsPerGroup / data.rowsPerShard) };
  const flopsOf = ({ stage: { name, results } }: OpenedStage): number => {
    if (isLearningStage(name)) return LEARNING[name].work(taken(config, name, results)).flops;
    return name === 'scoring' ? scoringWork({ models, sequenceLength: data.sequenceLength, shards, by: by ?? 'score-model' }, config).flops : 0;
  };
  const kinds = [...new Set(own.map(({ stage }) => stage.name))];
  const ofKind = (name: StageName): OpenedStage[] => own.filter(({ stage }) => stage.name === name);
  /** What all rounds have in common is computed in the first of them alone. */
  const perRound = (name: StageName, each: number): number => each * (distinctResults(ofKind(name)) / ofKind(name).length);
  const seconds = kinds.map((name) => {
    const each = secondsOf({ stages: ofKind(name), opened, timings });
    return each === null ? null : perRound(name, each);
  });
  return {
    seconds: timings.filter(({ stage }) => paths.has(stage)).reduce((sum, one) => sum + one.seconds, 0),
    flops: own.filter(({ stage }) => !stage.results.every(({ cached }) => cached)).reduce((sum, one) => sum + flopsOf(one), 0),
    ...(own.length === 0
      ? {}
      : { perRound: { seconds: seconds.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), 0), flops: kinds.reduce((sum, name) => sum + perRound(name, mean(ofKind(name).map(flopsOf))), 0) } }),
  };
}

/** The configuration as the stage went by it: a bilevel phase may have had fewer steps than it could. */
function taken(config: RunConfig, name: StageName, [result]: readonly StageResult[]): RunConfig {
  const steps = result.summary['outerSteps'];
  return name === 'bilevel' && typeof steps === 'number' ? { ...config, bilevel: { ...config.bilevel, outerSteps: steps } } : config;
}

/** Mean time of one of these stages, where it was computed whole: by the arm itself, or by another one that had the same to compute. null: nowhere */
function secondsOf({ stages, opened, timings }: { readonly stages: readonly OpenedStage[]; readonly opened: readonly OpenedStage[]; readonly timings: readonly StageTiming[] }): number | null {
  const times = stages.flatMap(({ stage: { stage, results } }) => {
    const made = (one: OpenedStage): boolean => one.stage.results.every(({ cached }) => !cached) && sameResults(one.stage.results, results);
    const by = opened.find((one) => one.stage.stage === stage && made(one)) ?? opened.find(made);
    const timing = by === undefined ? undefined : timings.find((one) => one.stage === by.stage.stage);
    return timing === undefined || timing.attempts === 0 ? [] : [timing.seconds];
  });
  return times.length === 0 ? null : mean(times);
}

const distinctResults = (stages: readonly OpenedStage[]): number => new Set(stages.map(({ stage: { seed, results } }) => `${seed} ${results.map(({ ref }) => ref.uri).join(' ')}`)).size;

const sameResults = (some: readonly StageResult[], others: readonly StageResult[]): boolean => some.length === others.length && some.every(({ ref }, i) => ref.uri === others[i].ref.uri);

/** For each two arms the share of the first one's rows that the second has too, over the seeds and rounds that both have. */
async function overlapsOf(opened: readonly OpenedStage[]): Promise<NonNullable<ReportData['comparison']>['overlaps']> {
  const shares = new Map<string, { a: string; b: string; sum: number; n: number }>();
  const selections = opened.filter(({ stage }) => stage.name === 'selection' && stage.arm !== null);
  // places of rows are of a group, or of all of them where ids were given
  const placeOf = ({ stage }: OpenedStage): string => `${stage.seed}/${stage.round}/${String(stage.results[0].summary['group'])}`;
  for (const place of new Set(selections.map(placeOf))) {
    // one bit a row: groups may have tens of millions, and arms are few
    const sets: { readonly arm: string; readonly rows: Uint8Array; readonly count: number }[] = [];
    for (const { stage, artifacts } of selections.filter((one) => placeOf(one) === place)) {
      const rows = new Uint8Array(Math.ceil(Number(stage.results[0].summary['rows']) / 8));
      let count = 0;
      for await (const row of parquetRows({ file: await artifacts[0].file('selected.parquet'), columns: ['index'] })) {
        const index = Number(row['index']);
        rows[index >> 3] |= 1 << (index & 7);
        count += 1;
      }
      sets.push({ arm: stage.arm ?? '', rows, count });
    }
    for (const a of sets) {
      for (const b of sets) {
        if (a === b) continue;
        const entry = shares.get(`${a.arm} ${b.arm}`) ?? { a: a.arm, b: b.arm, sum: 0, n: 0 };
        shares.set(`${a.arm} ${b.arm}`, { ...entry, sum: entry.sum + inBoth(a.rows, b.rows) / a.count, n: entry.n + 1 });
      }
    }
  }
  return [...shares.values()].map(({ a, b, sum, n }) => ({ a, b, share: sum / n }));
}

function inBoth(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) for (let both = a[i] & b[i]; both !== 0; both &= both - 1) count++;
  return count;
}
