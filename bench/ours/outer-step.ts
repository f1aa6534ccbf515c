import path from 'node:path';
import type { BilevelConfig } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel, writeSafetensors } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram, type BilevelSpec } from '../../lib/programs/index.js';
import { writeBatches, writeValidation } from './batches.js';
import { norm } from './norm.js';
import type { Subject, SubjectInput } from './subject.js';

export interface OuterStepSpec extends Omit<BilevelSpec, 'bilevel'> {
  readonly bilevel: BilevelConfig;
  /** of both levels, constant over the steps */
  readonly learningRate: number;
  /** different minibatches, taken in turn by inner and outer steps */
  readonly batches: number;
  readonly seed: number;
}

/** One inner and one outer step, by the program that the bilevel stage runs. */
export async function outerStepSubject({ folder, spec }: SubjectInput<OuterStepSpec>): Promise<Subject> {
  const { learningRate, batches: count, seed, ...programSpec } = spec;
  const { vocabularySize, sequenceLength, bilevel } = programSpec;
  const proxyModel = createModel(spec.proxy);
  const scoreModel = createScoreModel(proxyModel);
  const targetModel = createModel(spec.target);
  const proxy = proxyModel.init({ vocabularySize, seed: `${seed}/proxy` });
  const target = targetModel.init({ vocabularySize, seed: `${seed}/target` });
  const score = scoreModel.fromProxy({ proxy, vocabularySize, seed: `${seed}/score` });
  const write = (name: string, arrays: typeof proxy, shapes: ReturnType<typeof proxyModel.shapes>): Promise<void> =>
    writeSafetensors({ path: path.join(folder, `${name}.safetensors`), arrays, shapes });
  await write('proxy', proxy, proxyModel.shapes(vocabularySize));
  await write('target', target, targetModel.shapes(vocabularySize));
  await write('score', score, scoreModel.shapes(vocabularySize));
  const common = { folder, sequenceLength, vocabularySize, seed };
  const batches = await writeBatches({ ...common, count, rows: bilevel.batchSize });
  const validation = await writeValidation({ ...common, rows: bilevel.validationBatchSize });

  const program = await createBilevelProgram({ ...programSpec, bilevel: bilevelProgramSettings(bilevel) });
  program.setState(program.fresh({ proxy, target, score }));
  let taken = 0;
  let update = 0;
  const nextBatch = (): Int32Array => batches[taken++ % batches.length];
  return {
    step: () => {
      const first = update === 0;
      update += 1;
      const { lowerLoss, kl } = program.innerStep({ ids: nextBatch(), learningRate, update, first });
      const outer = program.outerStep({ validationIds: validation.ids, validationMask: validation.mask, ids: nextBatch(), learningRate, update, proxyUpdates: update, first });
      const { upperLoss, zNorm, alignment, hypergradientNorm } = outer;
      return { lowerLoss, kl, upperLoss, zNorm, alignmentNorm: norm(alignment), hypergradientNorm };
    },
  };
}
