import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adamSchema } from '../../config/sections/training.js';
import { flopsPerToken } from '../../lib/models/index.js';
import { gpuModel, listGpus } from '../../lib/tensor/processor.js';
import { cudaDevices } from '../../workers/devices.js';
import { readInstalled } from '../../workers/installed.js';
import type { Bench, Table } from '../bench.js';
import { peakOf, type Peak } from '../gpu-peaks.js';
import { describe, models, type ModelName } from '../models.js';
import type { TrainingStepSpec } from '../ours/training-step.js';
import { openSide } from '../sides.js';
import { summarise } from '../statistics.js';

/** Batches that fill a card: 160M at 16 × 1,024 holds 3.3 GB of logits at once. */
const cases: Readonly<Partial<Record<ModelName, { readonly batchSize: number; readonly sequenceLength: number }>>> = {
  small: { batchSize: 8, sequenceLength: 128 },
  '31m': { batchSize: 32, sequenceLength: 1_024 },
  '160m': { batchSize: 16, sequenceLength: 1_024 },
  '410m': { batchSize: 8, sequenceLength: 1_024 },
};
const UNTIMED = 2;
const STEPS = 3;

export interface Throughput {
  readonly model: string;
  readonly label: string;
  readonly tokensPerStep: number;
  /** of a token, forward and backward */
  readonly flopsPerToken: number;
  /** of a step, one a repetition */
  readonly milliseconds: readonly number[];
}
export interface ThroughputData {
  /** a GPU's name, or null on the CPU */
  readonly gpu: string | null;
  readonly cases: readonly Throughput[];
}

/** How much of what a card can do a training step reaches. */
export const throughput: Bench<ThroughputData> = {
  name: 'throughput',
  about: 'tokens/s of training steps on long rows, and their share of the GPU’s peak',
  cases: Object.keys(cases),
  run: async (context) => {
    const [device] = cudaDevices({ installed: readInstalled() });
    const gpu = device === undefined ? null : gpuModel({ visible: device, devices: listGpus() });
    const done: Throughput[] = [];
    for (const [name, { batchSize, sequenceLength }] of Object.entries(cases)) {
      if (context.only.length > 0 ? !context.only.includes(name) : gpu === null && name !== 'small') continue; // hours on a CPU: only where they are asked for
      const { model, vocabularySize } = models[name as ModelName]; // a key of `cases`
      for (const precision of ['float32', 'bf16-mixed'] as const) {
        const label = `${name}: ${describe({ model, vocabularySize })}, batch ${batchSize} × ${sequenceLength.toLocaleString('en')}, ${precision}`;
        context.say(label);
        const spec: TrainingStepSpec = { model, precision, vocabularySize, sequenceLength, batchSize, adam: adamSchema.parse({}), gradientClip: 1, mode: 'xla', learningRate: 1e-3, batches: 2, seed: 1 };
        const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
        try {
          const { contender } = await openSide({ side: { name: 'ours', side: 'ours', spec }, context, subject: 'training-step', folder, checked: 1 });
          try {
            const milliseconds: number[] = [];
            for (let i = 0; i < context.repeats; i++) milliseconds.push((await contender.ask({ ask: 'repeat', untimed: i === 0 ? UNTIMED : 0, steps: STEPS })).milliseconds);
            done.push({ model: name, label, tokensPerStep: batchSize * sequenceLength, flopsPerToken: flopsPerToken({ model, vocabularySize, sequenceLength }).training, milliseconds });
          } finally {
            await contender.close();
          }
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }
    }
    return { gpu, cases: done };
  },
  tables: (data) => [throughputTable(data)],
};

function throughputTable({ gpu, cases: all }: ThroughputData): Table {
  const peak = gpu === null ? undefined : peakOf(gpu);
  const where = gpu === null ? 'on the CPU, which has no peak here' : peak === undefined ? `on ${gpu}, whose peak is not in the table` : `on ${gpu}: ${peakText(peak)}`;
  const share = (flops: number, of: number | null | undefined): string => (of === null || of === undefined ? '' : `${((100 * flops) / (of * 1e12)).toFixed(1)}%`);
  return {
    caption: `Training steps, ${where}`,
    columns: ['', 'ms a step, least / median', 'tokens/s', 'TFLOP/s', 'of the float32 peak', 'of the bfloat16 peak'],
    rows: all.map(({ label, tokensPerStep, flopsPerToken: each, milliseconds }) => {
      const { least, median } = summarise(milliseconds);
      const tokensPerSecond = (1_000 * tokensPerStep) / median;
      const flops = tokensPerSecond * each;
      return [label, `${least.toFixed(1)} / ${median.toFixed(1)}`, Math.round(tokensPerSecond).toLocaleString('en'), (flops / 1e12).toFixed(2), share(flops, peak?.float32), share(flops, peak?.bfloat16)];
    }),
  };
}

const peakText = ({ float32, bfloat16 }: Peak): string => `${float32} TFLOP/s in float32 without tensor cores${bfloat16 === null ? '' : `, ${bfloat16} in bfloat16`}`;
