import { existsSync, readFileSync } from 'node:fs';
import type { RunConfig } from '../../config/index.js';
import { FEATURES, selectorRow } from '../../config/tables/selectors.js';
import { isLearningStage, type StageName } from '../../config/tables/stages.js';
import { zSolvers } from '../../lib/bilevel/index.js';
import type { Home } from '../../lib/home.js';
import { flopsPerToken, isKnownFamily } from '../../lib/models/index.js';
import { ratingFlops } from '../../lib/stages/bilevel-work.js';
import { LEARNING } from '../../lib/stages/learning.js';
import { scoringWork } from '../../lib/stages/report/work.js';
import { parseTimings } from '../../lib/timings.js';
import type { PipelineInput } from '../../workflows/types.js';
import { listRuns, readJson } from '../runs.js';
import { stageNameOf } from '../view/index.js';

/** How fast stages have gone in this home. */
export interface Measured {
  /** seconds for so much of a stage, by what stages of its kind have done before; undefined: none has */
  seconds(name: StageName, work: { readonly amount: number; readonly flops: number }): number | undefined;
}

/** The newest of them count: machines and code change. */
const NEWEST = 20;

/** Stages with tensors by FLOP/s, so that a larger model is not taken for as fast as a smaller one; the others by rows/s. */
export function measuredIn(home: Home): Measured {
  const speeds = new Map<string, number[]>();
  for (const { run } of listRuns(home)) {
    const folder = home.run(run);
    const config = readJson<PipelineInput>(folder.input)?.config;
    if (config === undefined || !isKnown(config) || !existsSync(folder.timings)) continue;
    for (const { stage, state, rate } of parseTimings(readFileSync(folder.timings, 'utf8'))) {
      const name = stageNameOf(stage);
      if (state !== 'done' || rate === undefined || !(rate.value > 0) || name === undefined) continue;
      const flops = flopsOfOne(name, stage, config);
      const kind = kindOf(name, flops !== undefined);
      speeds.set(kind, [...(speeds.get(kind) ?? []), rate.value * (flops ?? 1)].slice(-NEWEST));
    }
  }
  return {
    seconds: (name, { amount, flops }) => {
      const known = speeds.get(kindOf(name, flops > 0))?.toSorted((a, b) => a - b);
      if (known === undefined) return undefined;
      return (flops > 0 ? flops : amount) / known[known.length >> 1];
    },
  };
}

/** Some stages are with tensors or without, as scoring by a model and by n-grams: the speeds of the two are in other units. */
const kindOf = (name: StageName, hasTensors: boolean): string => `${name} ${hasTensors}`;

/** A run of a later version may have what this one cannot count: its configuration is read as it was written. */
const isKnown = ({ bilevel: { solver, score: { features = [] } }, models: { proxy, target } }: RunConfig): boolean =>
  Object.hasOwn(zSolvers, solver.method) && isKnownFamily(proxy) && isKnownFamily(target) && features.every((name) => FEATURES.includes(name));

/** FLOPs of one token or row, as its rate counts; undefined for stages without tensors */
function flopsOfOne(name: StageName, stage: string, config: RunConfig): number | undefined {
  const { models, data } = config;
  const { vocabularySize } = models;
  const { sequenceLength } = data;
  const tokens = (model: RunConfig['models']['target']) => flopsPerToken({ model, vocabularySize, sequenceLength });
  if (name === 'training') return tokens(stage.endsWith('/proxy') ? models.proxy : models.target).training;
  if (name === 'scoring') {
    const selector = config.comparison.arms.find((arm) => arm.name === armOf(stage))?.selector;
    const by = selector === undefined ? null : selectorRow(selector).scoredBy;
    const { flops, amount } = scoringWork({ models, sequenceLength, shards: { first: 0, end: Math.ceil(data.rowsPerGroup / data.rowsPerShard) }, ...(by === null ? {} : { by }) }, config);
    return flops > 0 ? flops / amount : undefined;
  }
  if (name === 'evaluation') return sequenceLength * tokens(models.target).forward;
  if (isLearningStage(name)) {
    const { flops, amount } = LEARNING[name].work(config);
    const ofSteps = flops - (name === 'bilevel' ? ratingFlops(config) : 0);
    return ofSteps > 0 ? ofSteps / amount : undefined;
  }
  return undefined;
}

/** `seed-0/ARM/round-1/scoring/shards-0-2` → ARM */
const armOf = (stage: string): string | undefined => stage.split('/')[1];
