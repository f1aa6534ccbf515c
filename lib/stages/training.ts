import path from 'node:path';
import type { BatchRequest, Feeder } from '../data/index.js';
import { createModel } from '../models/index.js';
import { decayBranch, warmUpThenConstant } from '../optim/index.js';
import { stateOfTrained, trainedOfState } from '../programs/state-variables.js';
import type { TrainingProgram } from '../programs/types.js';
import { openSelection } from './contents/index.js';
import { checkNumerics, throwIfStopped } from './execution/index.js';
import { isOnCurve, openHeldOutCurve } from './held-out-curve.js';
import { digestState, readState, stateFiles, writeState, type TrainingState } from './state.js';
import { betweenParts, policyInKey, StepWatch } from './steps/index.js';
import type { Stage, StageContext, StageProgress, TrainingInput } from './types.js';

/** Next-token training: warm-ups, pretraining on a selection, decay branch.  @see method §4, steps 5 and 6 */
export const training: Stage<'training'> = {
  name: 'training',
  version: 2,
  keyInput: ({ numerics: _policy, divergence, ...input }: TrainingInput) => ({ ...input, ...policyInKey(divergence) }),
  run: async (input, context) => {
    const { batchSize, microBatchSize = batchSize, sequenceLength, steps, vocabularySize } = input;
    const shapes = createModel(input.model).shapes(vocabularySize);
    const first = context.resume === undefined ? 0 : context.resume.step;
    const shards = await openSelection({ store: context.store, ref: input.selection, batchSize, sequenceLength, stage: input.purpose });
    const watch = await StepWatch.of({ context, policy: input.divergence, losses: ['loss'], where: `${input.purpose}, step`, fix: FIX });
    const feed = (from: number): Promise<Feeder> => context.feed({ ...shards, batchSize, requests: batchesFrom(from, input, watch) });
    // before compiling: the first batches are read beside it
    let feeder = await feed(first);
    await context.phase('compiling');
    const program = await context.programs.training({
      model: input.model,
      vocabularySize,
      sequenceLength,
      batchSize,
      ...(input.microBatchSize === undefined ? {} : { microBatchSize: input.microBatchSize }),
      adam: input.adam,
      gradientClip: input.gradientClip,
      precision: input.precision,
      recompute: input.recompute,
      mode: input.compiler,
    });

    const heldOutLoss = await openHeldOutCurve(input, context);
    const numerics = await checkNumerics({ context, programDigest: program.digest, policy: input.numerics });
    const restore = async (from: StageContext['resume']): Promise<{ readonly updates: number }> => {
      const { updates, ...trained } = from === undefined ? await startState(input, context, program) : await readState(from.artifact);
      program.setState(stateOfTrained(trained));
      return { updates };
    };
    const startUpdates = (await restore(context.resume)).updates - first;
    const state = (step: number): TrainingState => ({ ...trainedOfState(program.getState()), updates: startUpdates + step });

    let loss = Number.NaN;
    let saved = context.resume?.step;
    let step = first;
    const save = async (done: number): Promise<void> => {
      await context.checkpoint({ step: done, files: () => ({ ...stateFiles({ state: state(done), shapes, numerics }), ...watch.files() }) });
      saved = done;
    };
    while (step < steps) {
      const { tokens: ids, ids: rows } = await feeder.next();
      const learningRate = learningRateAt(input, step);
      const before = step;
      const at = (partsDone: number): StageProgress => ({ step: before, of: steps, amount: { value: (before * batchSize + partsDone * microBatchSize) * sequenceLength, unit: 'tokens' }, ...(Number.isNaN(loss) ? {} : { metrics: { loss } }) });
      const figures = await program.stepInParts({ ids, learningRate, update: startUpdates + step + 1 }, betweenParts({ context, at }));
      if (figures === undefined) {
        // told to stop within the step: nothing of it has come about, and the state is the one before
        if (step > 0 && saved !== step) await save(step);
        throwIfStopped(context);
        await feeder.close();
        feeder = await feed(step);
        continue;
      }
      const fault = watch.judge(figures);
      if (fault !== undefined) {
        const from = await watch.skip({ step, fault, figures, rows, checkpoint: saved });
        await feeder.close();
        saved = from?.step;
        step = saved ?? 0;
        feeder = await feed(step);
        await restore(from);
        continue;
      }
      ({ loss } = figures);
      const done = step + 1;
      const heldOut: Readonly<Record<string, number>> = heldOutLoss !== undefined && isOnCurve(input, done) ? { heldOutLoss: await heldOutLoss(state(done).params) } : {};
      context.metrics({ step: done, loss, gradientNorm: figures.gradientNorm, learningRate, ...heldOut, ...watch.record(step) });
      await context.progress({ step: done, of: steps, amount: { value: done * batchSize * sequenceLength, unit: 'tokens' }, metrics: { loss } });
      if (done < steps && (done % input.checkpointEvery === 0 || watch.keeps(done) || context.stopReason() !== undefined)) {
        await save(done);
        throwIfStopped(context);
      }
      step = done;
    }

    await context.phase('saving the result');
    const end = state(steps);
    await writeState({ folder: context.scratch, state: end, shapes, numerics });
    return { kind: 'state', folder: path.resolve(context.scratch), digest: digestState(end, shapes), summary: { purpose: input.purpose, steps, updates: end.updates, loss, tokens: steps * batchSize * sequenceLength, ...watch.summary() } };
  },
};

function* batchesFrom(first: number, { seed, steps }: TrainingInput, watch: StepWatch): Iterable<BatchRequest> {
  for (let step = first; step < steps; step++) yield { kind: 'ordered', seed, step: watch.placeOf(step) };
}

async function startState({ start, model, vocabularySize }: TrainingInput, { store }: StageContext, program: TrainingProgram): Promise<TrainingState> {
  if ('state' in start) return readState(await store.open(start.state));
  const params = createModel(model).init({ vocabularySize, seed: start.seed });
  return { ...trainedOfState(program.fresh({ params })), updates: 0 };
}

function learningRateAt({ schedule }: TrainingInput, step: number): number {
  return schedule.type === 'wsd' ? warmUpThenConstant({ step, peak: schedule.peak, warmUpSteps: schedule.warmUpSteps }) : decayBranch({ step, learningRate: schedule.peak, halfLife: schedule.halfLife });
}

const FIX = 'look at those rows; lower the peak learning rate or the gradient clip of this section and run the changed configuration: what comes before this stage is found finished';
