import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson, digestTensors } from '../../artifacts/index.js';
import { probePlan } from '../../influence/index.js';
import { createModel, createScoreModel, safetensorsPieces, writeSafetensors } from '../../models/index.js';
import { type CheckpointFiles, NUMERICS_FILE, openCorpus, RowSet, writeTrainedRows } from '../contents/index.js';
import { checkNumerics, throwIfStopped } from '../execution/index.js';
import { readArrays } from '../state.js';
import { fitInfluence } from './influence-fit.js';
import { probedFiles, readProbed, writeProbed } from './probed-rows.js';
import { influenceTable } from './influence-table.js';
import { matesWork } from './mates-work.js';
import { probeRows } from './probing.js';
import type { LearningStage, MatesInput } from '../types.js';

/**
 * Learns an influence model as MATES does: probes single steps of the target on a uniform sample of the group, then fits a score model to what they did
 * to the validation loss. Its steps are the probes, then those of the regression.  @see method §9
 */
export const mates: LearningStage<'mates'> = {
  name: 'mates',
  version: 1,
  keyInput: ({ numerics: _policy, ...input }: MatesInput) => input,
  work: matesWork,
  table: influenceTable,
  run: async (input, context) => {
    const { mates: settings, models: { proxy, target, vocabularySize }, sequenceLength, compiler: mode, precision, recompute } = input;
    const corpus = await openCorpus(context.store, input.corpus);
    const index = corpus.index.groups[input.group];
    const group = { artifact: corpus.artifact, index };
    const plan = probePlan({ rows: index.rows, settings, seed: input.seed });
    const validation = await corpus.heldOut('validation');
    await context.phase('compiling');
    const shared = { vocabularySize, sequenceLength, precision, recompute, mode };
    const probing = await context.programs.probing({ ...shared, model: target, validationBatchSize: settings.validationBatchSize, adam: input.adam, gradientClip: input.gradientClip });
    const regression = await context.programs.regression({ ...shared, model: proxy, batchSize: settings.batchSize, adam: settings.adam, gradientClip: settings.gradientClip });
    const numerics = await checkNumerics({ context, programDigest: digestJson([probing.digest, regression.digest]), policy: input.numerics });

    const probes = plan.rows.length;
    const steps = probes + plan.steps;
    /** rows that have gone through a model: that of a probe and those it is validated on, and those of the regression */
    const rowsDone = (done: number): number => Math.min(done, probes) * (1 + settings.validationExamples) + Math.max(0, done - probes) * settings.batchSize;
    const stepped = async (done: number, loss: number, figures: Readonly<Record<string, number>>, files: () => CheckpointFiles): Promise<void> => {
      context.metrics({ step: done, ...figures });
      await context.progress({ step: done, of: steps, amount: { value: rowsDone(done), unit: 'rows' }, metrics: { loss } });
      if (done === steps || !(done % settings.checkpointEvery === 0 || done === probes || context.stopReason() !== undefined)) return;
      await context.checkpoint({ step: done, files: () => ({ ...files(), [NUMERICS_FILE]: JSON.stringify(numerics) }) });
      throwIfStopped(context);
    };

    const found = await probeRows({
      input, context, group, plan, validation,
      program: probing,
      found: context.resume === undefined ? undefined : await readProbed(context.resume.artifact),
      onProbe: (so, figures) => stepped(so.probes.length, figures['validationLoss'], figures, () => probedFiles(so)),
    });
    const { score, predictions, facts } = await fitInfluence({
      input, context, group, plan,
      probes: found.probes,
      program: regression,
      from: context.resume === undefined || context.resume.step <= probes ? undefined : { step: context.resume.step - probes, state: await readArrays(context.resume.artifact, STATE_FILE) },
      onStep: (step, figures) => stepped(probes + step, figures['regressionLoss'], figures, () => ({ ...probedFiles(found), [STATE_FILE]: { given: safetensorsPieces({ arrays: regression.getState(), shapes: regression.shapes }) } })),
    });

    await context.phase('saving the result');
    const scoreShapes = createScoreModel(createModel(proxy)).shapes(vocabularySize);
    await writeSafetensors({ path: path.join(context.scratch, 'score.safetensors'), arrays: score, shapes: scoreShapes });
    await writeProbed({ folder: context.scratch, probes: found.probes, predictions });
    const probed = RowSet.of(index.rows);
    plan.rows.forEach((row) => probed.add(row));
    await writeTrainedRows(context.scratch, probed);
    await writeFile(path.join(context.scratch, NUMERICS_FILE), JSON.stringify(numerics));
    return {
      kind: 'influence-model',
      folder: context.scratch,
      digest: digestTensors(score, scoreShapes),
      summary: { probes, heldOut: plan.heldOut.length, regressionSteps: plan.steps, validationLoss: found.before, ...facts, trainedRows: probed.size, group: input.group },
    };
  },
};

const STATE_FILE = 'regression.safetensors';
