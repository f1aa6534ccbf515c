import path from 'node:path';
import { createModel, writeSafetensors } from '../../lib/models/index.js';
import { createTrainingProgram, type TrainingSpec } from '../../lib/programs/index.js';
import { writeBatches } from './batches.js';
import type { Subject, SubjectInput } from './subject.js';

export interface TrainingStepSpec extends TrainingSpec {
  /** constant over the steps */
  readonly learningRate: number;
  /** different batches, taken in turn */
  readonly batches: number;
  readonly seed: number;
}

/** One AdamW step of a language model, by the program that the training stage runs. */
export async function trainingStepSubject({ folder, spec }: SubjectInput<TrainingStepSpec>): Promise<Subject> {
  const { learningRate, batches: count, seed, ...programSpec } = spec;
  const { vocabularySize, sequenceLength, batchSize } = programSpec;
  const model = createModel(spec.model);
  const shapes = model.shapes(vocabularySize);
  const params = model.init({ vocabularySize, seed });
  await writeSafetensors({ path: path.join(folder, 'params.safetensors'), arrays: params, shapes });
  const batches = await writeBatches({ folder, count, rows: batchSize, sequenceLength, vocabularySize, seed });

  const program = await createTrainingProgram(programSpec);
  program.setState(program.fresh({ params }));
  let update = 0;
  return {
    step: () => {
      const ids = batches[update % batches.length];
      update += 1;
      return program.step({ ids, learningRate, update });
    },
  };
}
