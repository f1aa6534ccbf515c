import path from 'node:path';
import type { Store } from '../artifacts/index.js';
import type { BatchRequest } from '../data/index.js';
import { createModel } from '../models/index.js';
import { decayBranch, warmUpThenConstant } from '../optim/index.js';
import { openSelection } from './corpus.js';
import { diverged } from './diverged.js';
import { throwIfStopped } from './execute.js';
import { checkNumerics } from './numerics.js';
import { digestState, readState, selectArrays, stateFiles, underPrefix, withPrefix, writeState, zeroMoments, type TrainingState } from './state.js';
import type { Stage, TrainingInput } from './types.js';

/** Next-token training: warm-ups, pretraining on a selection, decay branch.  @see method §4, steps 5 and 6 */
export const training: Stage<'training'> = {
  name: 'training',
  version: 2,
  resource: 'gpu',
  keyInput: ({ numerics: _policy, ...input }: TrainingInput) => input,
  run: async (input, context) => {
    const { batchSize, sequenceLength, steps, vocabularySize } = input;
    const model = createModel(input.model);
    const shapes = model.shapes(vocabularySize);
    const first = context.resume === undefined ? 0 : context.resume.step;
    const shards = await openSelection({ store: context.store, ref: input.selection, batchSize, stage: input.purpose });
    // before compiling: the first batches are read beside it
    const feeder = await context.feed({ ...shards, batchSize, requests: batchesFrom(first, input) });
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

    const numerics = await checkNumerics({ context, programDigest: program.digest, policy: input.numerics });
    const start = context.resume === undefined ? await startState(input, context.store) : await readState(context.resume.artifact);
    program.setState({ ...withPrefix(start.params, 'params'), ...start.moments });
    const startUpdates = start.updates - first;
    const state = (step: number): TrainingState => {
      const arrays = program.getState();
      const params = underPrefix(arrays, 'params');
      const moments = selectArrays(arrays, (name) => !name.startsWith('params/'));
      return { params, moments, updates: startUpdates + step };
    };

    let loss = Number.NaN;
    let saved = context.resume?.step;
    for (let step = first; step < steps; step++) {
      const { tokens: ids, ids: rows } = await feeder.next();
      const learningRate = learningRateAt(input, step);
      const result = program.step({ ids, learningRate, update: startUpdates + step + 1 });
      loss = result.loss;
      if (!Number.isFinite(loss) || !Number.isFinite(result.gradientNorm)) throw diverged({ where: `${input.purpose}, step ${step + 1}`, figures: { loss, gradientNorm: result.gradientNorm }, rows, checkpoint: saved, mend: MEND });
      context.metrics({ step: step + 1, loss, gradientNorm: result.gradientNorm, learningRate });
      const done = step + 1;
      await context.progress({ step: done, of: steps, amount: { value: done * batchSize * sequenceLength, unit: 'tokens' }, metrics: { loss } });
      if (done < steps && (done % input.checkpointEvery === 0 || context.stopReason() !== undefined)) {
        await context.checkpoint({ step: done, files: () => stateFiles({ state: state(done), shapes, numerics }) });
        saved = done;
        throwIfStopped(context);
      }
    }

    await context.phase('saving the result');
    const end = state(steps);
    await writeState({ folder: context.scratch, state: end, shapes, numerics });
    return { kind: 'state', folder: path.resolve(context.scratch), digest: digestState(end, shapes), summary: { purpose: input.purpose, steps, updates: end.updates, loss, tokens: steps * batchSize * sequenceLength } };
  },
};

function* batchesFrom(first: number, { seed, steps }: TrainingInput): Iterable<BatchRequest> {
  for (let step = first; step < steps; step++) yield { kind: 'ordered', seed, step };
}

async function startState(input: TrainingInput, store: Store): Promise<TrainingState> {
  if ('state' in input.start) return readState(await store.open(input.start.state));
  const model = createModel(input.model);
  return { params: model.init({ vocabularySize: input.vocabularySize, seed: input.start.seed }), moments: zeroMoments(model.shapes(input.vocabularySize)), updates: 0 };
}

function learningRateAt({ schedule }: TrainingInput, step: number): number {
  return schedule.type === 'wsd' ? warmUpThenConstant({ step, peak: schedule.peak, warmUpSteps: schedule.warmUpSteps }) : decayBranch({ step, learningRate: schedule.peak, halfLife: schedule.halfLife });
}

const MEND = 'look at those rows; lower the peak learning rate or the gradient clip of this section and run the changed configuration: what comes before this stage is found finished';
