import type { LoadedConfig } from '../../config/index.js';
import { otherSelection } from '../../config/sections/other-selection.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Home } from '../../lib/home.js';
import { packageVersion } from '../../lib/package-root.js';
import { planStages } from '../../workflows/plan.js';
import { runSeed } from '../../workflows/seed.js';
import type { Together } from '../../workflows/board/index.js';
import type { PipelineInput } from '../../workflows/types.js';
import { requireSelection } from '../inputs/check-selection.js';
import { columns, duration, quantity } from '../format.js';
import type { Taken } from '../fork/take.js';
import { measuredIn } from './measured.js';
import { PlanBoard, type PlannedStage } from './plan-board.js';
import { counted } from '../../lib/counted.js';

export interface Plan {
  readonly config: string;
  readonly stages: readonly PlannedStage[];
  readonly total: { readonly toRun: number; readonly found: number; readonly flops: number; readonly bytes: number; readonly seconds: number; readonly gpuHours: number; /** stages to run whose time is not known */ readonly unknown: number };
}

/** Goes through a run as its workflow would, and looks each stage up instead of running it. Nothing is written. */
export async function planRun({ home, loaded, taken }: { readonly home: Home; readonly loaded: LoadedConfig; /** from another run */ readonly taken?: Taken }): Promise<Plan> {
  const input: PipelineInput = { run: loaded.config.name, config: loaded.config, configFolder: loaded.configFolder, scope: '' };
  const blobs = fileBlobs({ root: home.store });
  const board = new PlanBoard(input, { store: openStore({ blobs, codeVersion: packageVersion() }), blobs, measured: measuredIn(home), ...(taken === undefined ? {} : { taken }) });
  for (const seed of loaded.config.seeds) await runSeed({ board, together: inTurn(home), input, seed });
  const order = new Map(planStages(loaded.config).map((stage, i) => [stage, i]));
  const stages = board.stages.toSorted((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
  const toRun = stages.filter(({ state }) => state === 'to run');
  const sum = (of: (stage: PlannedStage) => number): number => toRun.reduce((total, stage) => total + of(stage), 0);
  return {
    config: loaded.config.name,
    stages,
    total: {
      toRun: toRun.length,
      found: stages.length - toRun.length,
      flops: sum(({ work }) => work?.flops ?? 0),
      bytes: sum(({ work }) => work?.bytes ?? 0),
      seconds: sum(({ seconds }) => seconds ?? 0),
      gpuHours: sum(({ device, seconds }) => (device ? (seconds ?? 0) : 0)) / 3_600,
      unknown: toRun.filter(({ seconds }) => seconds === undefined).length,
    },
  };
}

/** Nothing runs, so nothing runs side by side. */
const inTurn = (home: Home): Together => ({
  all: async (tasks) => {
    const results = [];
    for (const task of tasks) results.push(await task());
    return results;
  },
  branches: () => ({ run: (branch) => branch(), cancel: () => undefined }),
  resolveSelection: ({ from, seed }) => {
    const other = otherSelection(from);
    if (other === undefined) throw new RangeError(`${from} is no other run's selection`);
    return Promise.resolve(requireSelection({ home, ...other, seed }));
  },
  checkTasks: () => undefined, // before it planned, the command has
  endsAtFailure: () => true,
  hasNoiseOfArm: () => true,
});

export function planText({ config, stages, total }: Plan): string {
  const rows = stages.map(({ stage, state, why, work, seconds }) => [
    state === 'to run' ? '·' : '=',
    stage,
    state,
    work === undefined ? '' : `${work.atMost === true ? 'at most ' : ''}${quantity(work.amount)} ${work.unit}`,
    work === undefined || work.flops === 0 ? '' : `${work.flops.toPrecision(3)} FLOP`,
    work === undefined ? '' : `${quantity(work.bytes)}B`,
    state === 'found finished' ? '' : seconds === undefined ? '?' : duration(seconds),
    why ?? '',
  ]);
  const atMost = stages.some(({ state, work }) => state === 'to run' && work?.atMost === true) ? 'at most ' : '';
  const time = `${atMost}${duration(total.seconds)} one after the other, ${total.gpuHours.toFixed(2)} device-hours${total.unknown === 0 ? '' : `, without ${counted(total.unknown, 'stage')} whose kind has not run in this home`}`;
  return [...columns(rows), '', `${config}: ${counted(total.toRun, 'stage')} to run, ${total.found} found finished; ${atMost}${total.flops.toPrecision(3)} FLOP, about ${quantity(total.bytes)}B kept; ${time}`].join('\n');
}
