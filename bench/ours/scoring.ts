import path from 'node:path';
import { createModel, createScoreModel, writeSafetensors } from '../../lib/models/index.js';
import { createScoringProgram, type ScoringSpec } from '../../lib/programs/index.js';
import { writeBatches } from './batches.js';
import { norm } from './norm.js';
import type { Subject, SubjectInput } from './subject.js';

export interface ScoringSubjectSpec extends ScoringSpec {
  readonly batches: number;
  readonly seed: number;
}

/** One batch of rows through the score model, by the program that the scoring stage runs. */
export async function scoringSubject({ folder, spec }: SubjectInput<ScoringSubjectSpec>): Promise<Subject> {
  const { batches: count, seed, ...programSpec } = spec;
  const { vocabularySize, sequenceLength, batchSize } = programSpec;
  const model = createScoreModel(createModel(spec.model));
  const score = model.init({ vocabularySize, seed });
  await writeSafetensors({ path: path.join(folder, 'score.safetensors'), arrays: score, shapes: model.shapes(vocabularySize) });
  const batches = await writeBatches({ folder, count, rows: batchSize, sequenceLength, vocabularySize, seed });

  const program = await createScoringProgram(programSpec);
  program.setState(score);
  let done = 0;
  return {
    step: () => {
      const logits = program.score(batches[done % batches.length]);
      done += 1;
      return { first: logits[0], last: logits[logits.length - 1], norm: norm(logits) };
    },
  };
}
