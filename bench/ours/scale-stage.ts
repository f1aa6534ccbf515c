import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dataSchema, heldOutSchema, tokenizerSchema } from '../../config/sections/data.js';
import { modelSchema } from '../../config/sections/models.js';
import type { Ref } from '../../lib/artifacts/index.js';
import { createModel, createScoreModel, writeSafetensors } from '../../lib/models/index.js';
import type { StageName, StageResult } from '../../lib/stages/index.js';
import { RowSet, writeTrainedRows } from '../../lib/stages/contents/index.js';
import { openCaller, type StageCaller } from './stage-caller.js';
import type { StepNumbers, Subject, SubjectInput } from './subject.js';

export interface ScaleStageSpec {
  readonly stage: 'prepare' | 'scoring' | 'selection';
  readonly rows: number;
  /** T */
  readonly sequenceLength: number;
}

/** Files of the folder: documents, JSON lines */
export const CORPUS_FILE = 'corpus.jsonl';
export const HELD_OUT_FILE = 'held-out.jsonl';
const VOCABULARY_SIZE = 4_096;
/** the smallest score model that is one */
const MODEL = modelSchema.parse({ architecture: 'gpt-neox', layers: 1, width: 16, heads: 2 });
/** share of rows that is selected */
const FRACTION = 0.2;

/**
 * One stage over one large group, in a process of its own. What the stage before it left is taken from the folder, and its own result
 * noted there. A step is the whole stage.
 */
export async function scaleStageSubject({ folder, spec }: SubjectInput<ScaleStageSpec>): Promise<Subject> {
  const stages = openCaller(folder);
  const note = (name: StageName): string => path.join(folder, `${name}.json`);
  const resultOf = (name: StageName): Ref => (JSON.parse(readFileSync(note(name), 'utf8')) as StageResult).ref; // our own
  const timed = async (call: () => Promise<StageResult>): Promise<StepNumbers> => {
    const started = performance.now();
    const result = await call();
    const seconds = (performance.now() - started) / 1000;
    writeFileSync(note(spec.stage), JSON.stringify(result));
    return { seconds, rows: spec.rows };
  };
  switch (spec.stage) {
    case 'prepare':
      return { step: () => timed(() => prepare(stages, folder, spec)) };
    case 'scoring': {
      const scorer = await makeScorer(stages, folder, spec.rows);
      return { step: () => timed(() => score(stages, resultOf('prepare'), scorer, spec)) };
    }
    case 'selection':
      return { step: () => timed(() => select(stages, resultOf('prepare'), resultOf('scoring'))) };
  }
}

function prepare(stages: StageCaller, folder: string, { rows, sequenceLength }: ScaleStageSpec): Promise<StageResult> {
  return stages.call('prepare', {
    data: dataSchema.parse({ sources: [{ type: 'files', name: 'made', paths: [CORPUS_FILE] }], sequenceLength, rowsPerGroup: rows }),
    tokenizer: tokenizerSchema.parse({ type: 'train', vocabularySize: VOCABULARY_SIZE }),
    heldOut: heldOutSchema.parse({ source: { type: 'files', paths: [HELD_OUT_FILE] }, validation: 64, tuning: 64, test: 64 }),
    vocabularySize: VOCABULARY_SIZE,
    groups: 1,
    seed: 'bench',
    configFolder: folder,
  });
}

function score(stages: StageCaller, corpus: Ref, scorer: Ref, { rows, sequenceLength }: ScaleStageSpec): Promise<StageResult> {
  const { rowsPerShard } = dataSchema.parse({ sources: [{ type: 'demo' }], rowsPerGroup: rows });
  const models = { target: MODEL, proxy: MODEL, vocabularySize: VOCABULARY_SIZE };
  return stages.call('scoring', { models, sequenceLength, batchSize: 256, corpus, group: 0, shards: { first: 0, end: Math.ceil(rows / rowsPerShard) }, scorer, compiler: 'xla', precision: 'float32' });
}

function select(stages: StageCaller, corpus: Ref, scores: Ref): Promise<StageResult> {
  return stages.call('selection', { selector: 'bliss', fraction: FRACTION, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 0, scores: [scores], seed: 'bench' });
}

/** What the bilevel phase would leave: random weights rank rows as fast as learnt ones. */
async function makeScorer({ store }: StageCaller, folder: string, rows: number): Promise<Ref> {
  const model = createScoreModel(createModel(MODEL));
  const made = path.join(folder, 'scorer');
  mkdirSync(made);
  await writeSafetensors({ path: path.join(made, 'score.safetensors'), arrays: model.init({ vocabularySize: VOCABULARY_SIZE, seed: 'bench' }), shapes: model.shapes(VOCABULARY_SIZE) });
  await writeTrainedRows(made, RowSet.of(rows));
  return store.publish({ kind: 'scorer', folder: made, digest: 'made', lineage: { stage: 'made', stageVersion: 1, inputs: {} }, summary: {} });
}
