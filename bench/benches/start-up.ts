import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import type { Bench } from '../bench.js';
import { openSide, type Side } from '../sides.js';
import { summarise } from '../statistics.js';
import { outerStepSpec, releaseSpec } from './outer-step.js';

/** rows of each minibatch */
const N = 8;

/** A process that is started twice in each round: with an empty cache, then with what it left there. */
const programs: readonly Side[] = [
  { name: 'ours, default solver', side: 'ours', spec: outerStepSpec(bilevelSchema.parse({ batchSize: N, validationBatchSize: N })) },
  { name: 'ours, the release’s algorithm', side: 'ours', spec: releaseSpec(N) },
  { name: 'PyTorch eager', side: 'pytorch', spec: { ...releaseSpec(N), compile: false } },
  { name: 'PyTorch compile', side: 'pytorch', spec: { ...releaseSpec(N), compile: true } },
];

interface Started {
  readonly name: string;
  /** from the start of the process to the end of its first inner and outer step, a value a round */
  readonly coldSeconds: readonly number[];
  readonly warmSeconds: readonly number[];
}

interface Data {
  readonly programs: readonly Started[];
}

/** How long until the outer step of the small model has run once in a fresh process: what each preemption costs anew. */
export const startUp: Bench<Data> = {
  name: 'start-up',
  about: 'the outer step of the small model ready in a fresh process, from a cold and a warm cache',
  cases: programs.map(({ name }) => name),
  run: async (context) => {
    const chosen = programs.filter(({ name, side }) => (context.only.length === 0 || context.only.includes(name)) && (side === 'ours' || !('unavailable' in context.pyTorch)));
    const started = chosen.map(({ name }) => ({ name, coldSeconds: [] as number[], warmSeconds: [] as number[] }));
    const data = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
    try {
      if (!chosen.some(({ side }) => side === 'ours')) await readySeconds({ side: programs[1], context, folder: data }); // it writes the weights that PyTorch reads
      for (let round = 0; round < context.repeats; round++) {
        for (const [i, side] of chosen.entries()) {
          const cache = mkdtempSync(path.join(tmpdir(), 'bliss-bench-cache-'));
          try {
            started[i].coldSeconds.push(await readySeconds({ side: { ...side, cache }, context, folder: data }));
            started[i].warmSeconds.push(await readySeconds({ side: { ...side, cache }, context, folder: data }));
          } finally {
            rmSync(cache, { recursive: true, force: true });
          }
          context.say(`  ${side.name}: ${started[i].coldSeconds[round].toFixed(1)} s cold, ${started[i].warmSeconds[round].toFixed(1)} s warm`);
        }
      }
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
    return { programs: started };
  },
  tables: (data) => [
    {
      caption: 'Start-up of the outer step (small model, n = 8), seconds from the start of the process',
      columns: ['', 'cold cache, least / median', 'warm cache, least / median', 'cold / warm'],
      rows: data.programs.map(({ name, coldSeconds, warmSeconds }) => {
        const [cold, warm] = [summarise(coldSeconds), summarise(warmSeconds)];
        return [name, `${cold.least.toFixed(1)} / ${cold.median.toFixed(1)}`, `${warm.least.toFixed(1)} / ${warm.median.toFixed(1)}`, (cold.median / warm.median).toFixed(2)];
      }),
    },
  ],
};

async function readySeconds({ side, context, folder }: { readonly side: Side; readonly context: Parameters<Bench<Data>['run']>[0]; readonly folder: string }): Promise<number> {
  const started = performance.now();
  const { contender } = await openSide({ side, context, subject: 'outer-step', folder, checked: 1 });
  const seconds = (performance.now() - started) / 1000;
  await contender.close();
  return seconds;
}
