import { setImmediate as turn } from 'node:timers/promises';
import { loadConfig } from '../../config/index.js';
import type { StageHooks, StageInputs } from '../../lib/stages/index.js';
import { openCaller } from './stage-caller.js';
import { bilevelInput, prepareInput, trainingInput } from './stage-inputs.js';
import type { Subject, SubjectInput } from './subject.js';

export interface CheckpointingSpec {
  readonly stage: 'training' | 'bilevel';
  /** settings beside those of the demo */
  readonly overrides: readonly string[];
  /** of one stage */
  readonly steps: number;
  /** distance of checkpoints */
  readonly every: number;
}

/** A stage from its call to its result, with checkpoints and without, one after the other: a step is one of each, and the next begins with the other. */
export async function checkpointingSubject({ folder, spec }: SubjectInput<CheckpointingSpec>): Promise<Subject> {
  const { config } = loadConfig({ source: 'demo', overrides: [...spec.overrides], cwd: folder });
  const stages = openCaller(folder);
  const corpus = await stages.call('prepare', prepareInput(config, folder));
  const drawn = await stages.call('selection', { selector: 'random', fraction: 1, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: 'bench' });
  const warm = spec.stage === 'bilevel' ? await stages.call('training', trainingInput(config, drawn.ref, 2)) : undefined;
  const timed = async (checkpointEvery: number): Promise<{ readonly milliseconds: number; readonly saves: number; readonly bytes: number }> => {
    const told: number[] = [];
    const hooks: Partial<StageHooks> = {
      // as a trainer lets messages in
      onProgress: async () => {
        await turn();
        await turn();
      },
      onCheckpoint: async ({ bytes }) => void told.push(bytes),
    };
    const started = performance.now();
    if (warm === undefined) await stages.call('training', trainingInput(config, drawn.ref, spec.steps, checkpointEvery), hooks);
    else await stages.call('bilevel', bilevelInput(config, { corpus: corpus.ref, warm: warm.ref, outerSteps: spec.steps, checkpointEvery }) satisfies StageInputs['bilevel'], hooks);
    return { milliseconds: performance.now() - started, saves: told.length, bytes: Math.max(0, ...told) };
  };
  let pairs = 0;
  return {
    step: async () => {
      const firstWith = pairs++ % 2 === 0;
      const first = await timed(firstWith ? spec.every : spec.steps);
      const second = await timed(firstWith ? spec.steps : spec.every);
      const [saving, plain] = firstWith ? [first, second] : [second, first];
      return { savingMilliseconds: saving.milliseconds, plainMilliseconds: plain.milliseconds, saves: saving.saves, bytes: saving.bytes };
    },
  };
}
