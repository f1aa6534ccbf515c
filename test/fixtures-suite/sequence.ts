import { biasCorrections, warmUpThenCosine } from '../../lib/optim/index.js';
import type { Mode } from './modes.js';
import { flatIds, outerEntry, recordedProgram, validationOf } from './recorded-program.js';
import type { Recording, StepRecord, Weights } from './recording.js';
import type { NamedValues } from './values.js';

export interface StepRun {
  readonly learningRates: { readonly proxy: number; readonly score: number };
  readonly normaliserBefore: { readonly max: number; readonly sum: number };
  /** by the names of InnerStepOutput, one an inner step */
  readonly inner: readonly NamedValues[];
  /** by the names of OuterStepOutput, and `lower/…`, `lowerGradient/…`, `start/…`, `alignmentOfStart` */
  readonly outer: NamedValues;
}

export interface RunRecording {
  readonly recording: Recording;
  readonly weights: Weights;
  readonly mode: Mode;
  /** all by default */
  readonly logitsAtOnce?: number;
  readonly steps: readonly StepRecord[];
}

/** Runs the recorded outer steps in one program, each on the state that the one before left, never on recorded values. */
export async function runRecording({ recording, weights, mode, logitsAtOnce, steps }: RunRecording): Promise<readonly StepRun[]> {
  const { hyper, trainBatches } = recording;
  const { program, start, call } = recordedProgram({ recording, weights, mode, logitsAtOnce });
  await program.build();
  program.setAll(start());
  let updates = 0;
  const runs = steps.map((step, t): StepRun => {
    const rate = (peak: number): number => warmUpThenCosine({ step: t, peak, warmUpSteps: hyper.scheduleWarmupSteps, totalSteps: hyper.scheduleTotalSteps });
    const learningRates = { proxy: rate(hyper.lrProxy), score: rate(hyper.lrScore) };
    const normaliserBefore = { max: program.get('normaliser/max')[0], sum: program.get('normaliser/sum')[0] };
    const first = t === 0 ? 1 : 0;
    const inner = step.batches.inner.map((index) => call('inner', { ids: flatIds(trainBatches[index]), learningRate: learningRates.proxy, first, ...biasCorrections(++updates, hyper) }));
    const validation = validationOf(recording, step);
    const outer = call(outerEntry(validation), {
      ids: flatIds(trainBatches[step.batches.outer]),
      validationIds: flatIds(validation.inputIds),
      validationMask: Float32Array.from(validation.labels.flat(), (label) => (label === -1 ? 0 : 1)),
      learningRate: learningRates.score,
      // ours.json begins z in working precision; only the release rounds its first start
      first: recording.mode === 'release' ? first : 0,
      ...biasCorrections(t + 1, hyper),
    });
    return { learningRates, normaliserBefore, inner, outer };
  });
  program.dispose();
  return runs;
}
