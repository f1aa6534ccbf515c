import { BlissError } from '../../errors.js';
import { createModel } from '../../models/index.js';
import { warmUpThenCosine } from '../../optim/index.js';
import { stateOfTrained, trainedOfState } from '../../programs/state-variables.js';
import type { NamedArrays } from '../../tensor/index.js';
import { openCorpus, type NumericsRecord } from '../contents/index.js';
import { checkNumerics, throwIfStopped } from '../execution/index.js';
import { readArrays, readState, stateFiles, type TrainingState } from '../state.js';
import { betweenParts } from '../steps/index.js';
import type { StageContext, StageInputs, StageProgress } from '../types.js';
import { validationBatches, validationRows } from './validation-rows.js';

export interface FineTuned {
  /** where it began: θ_p⁰, or θ_r */
  readonly prior: NamedArrays;
  readonly conditional: NamedArrays;
  /** of the last step's minibatch, before it; nats a token */
  readonly loss: number;
  /** that the passages make */
  readonly rows: number;
  readonly numerics: NumericsRecord;
}

/** AdamW from the prior on rows of validation passages, with fresh moments.  @see method §9 */
export async function fineTune(input: StageInputs['color'], context: StageContext): Promise<FineTuned> {
  const { color: { steps, batchSize, microBatchSize, peakLearningRate: peak, warmUpFraction, checkpointEvery }, model, vocabularySize, sequenceLength, adam, gradientClip, precision, recompute, compiler: mode, seed } = input;
  const corpus = await openCorpus(context.store, input.corpus);
  const rows = validationRows(await corpus.heldOut('validation'), sequenceLength);
  const batch = validationBatches({ rows, batchSize, seed });
  await context.phase('compiling');
  const program = await context.programs.training({ model, vocabularySize, sequenceLength, batchSize, ...(microBatchSize === undefined ? {} : { microBatchSize }), adam, gradientClip, precision, recompute, mode });
  const numerics = await checkNumerics({ context, programDigest: program.digest, policy: input.numerics });
  const prior = await readArrays(await context.store.open(input.prior), 'weights.safetensors');
  const begin = async (): Promise<NamedArrays> => {
    if (context.resume === undefined) return program.fresh({ params: prior });
    const { updates: _, ...trained } = await readState(context.resume.artifact);
    return stateOfTrained(trained);
  };
  program.setState(await begin());

  const shapes = createModel(model).shapes(vocabularySize);
  const state = (updates: number): TrainingState => ({ ...trainedOfState(program.getState()), updates });
  let loss = Number.NaN;
  let saved = context.resume?.step ?? 0;
  const save = async (done: number): Promise<void> => {
    await context.checkpoint({ step: done, files: () => stateFiles({ state: state(done), shapes, numerics }) });
    saved = done;
  };
  let step = saved;
  while (step < steps) {
    const before = step;
    const learningRate = warmUpThenCosine({ step, peak, warmUpSteps: Math.round(warmUpFraction * steps), totalSteps: steps });
    const at = (partsDone: number): StageProgress => ({ step: before, of: steps, amount: { value: (before * batchSize + partsDone * (microBatchSize ?? batchSize)) * sequenceLength, unit: 'tokens' } });
    const figures = await program.stepInParts({ ids: batch(step), learningRate, update: step + 1 }, betweenParts({ context, at }));
    if (figures === undefined) {
      // told to stop within the step: nothing of it has come about, and the state is the one before
      if (step > saved) await save(step);
      throwIfStopped(context);
      continue;
    }
    ({ loss } = figures);
    if (!Number.isFinite(loss) || !Number.isFinite(figures.gradientNorm)) {
      throw new BlissError({ code: 'LossDiverged', message: `fine-tune on the validation set, step ${step + 1}: loss ${loss}, gradientNorm ${figures.gradientNorm}`, fix: 'lower color.peakLearningRate' });
    }
    const done = step + 1;
    context.metrics({ step: done, ...figures, learningRate });
    await context.progress({ step: done, of: steps, amount: { value: done * batchSize * sequenceLength, unit: 'tokens' }, metrics: { loss } });
    if (done < steps && (done % checkpointEvery === 0 || context.stopReason() !== undefined)) {
      await save(done);
      throwIfStopped(context);
    }
    step = done;
  }
  return { prior, conditional: trainedOfState(program.getState()).params, loss, rows: rows.length, numerics };
}
