import { mkdtempSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../../config/index.js';
import { digestRows, fileBlobs, openStore, type Ref } from '../../../lib/artifacts/index.js';
import { writeParquet } from '../../../lib/data/index.js';
import type { TokenRow } from '../../../lib/data/types.js';
import { ProgramCache } from '../../../lib/programs/index.js';
import { randomStream } from '../../../lib/random.js';
import { openCorpus } from '../../../lib/stages/contents/corpus.js';
import type { ExportDataset } from '../../../lib/stages/exports/export-dataset.js';
import { executeStage, stageByName, type FinishedStage, type StageInputs, type StageName, type StageResult } from '../../../lib/stages/index.js';

const programs = new ProgramCache();
const ROUNDS = 2;
const ROWS = 120;
const FRACTION = 0.25;

export interface ScoredRow extends TokenRow {
  readonly round: number;
  readonly logit: number;
  readonly trained: boolean;
}

/** Two rounds of an arm whose scores are made up, and of one that draws by chance: selections by the real stage, of the demo's corpus. */
export async function selectedRows() {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-selected-'));
  const blobs = fileBlobs({ root: path.join(root, 'store') });
  const store = openStore({ blobs, codeVersion: '1.2.3' });
  const { config } = loadConfig({ source: 'smoke', overrides: [`data.rowsPerGroup=${ROWS}`, 'data.rowsPerShard=50', 'data.sequenceLength=48', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', `rounds=${ROUNDS}`], cwd: root });
  const call = <Name extends StageName>(name: Name, stage: string, input: StageInputs[Name]): Promise<StageResult> =>
    executeStage({
      stage: stageByName(name), task: { name, run: 'test', stage, input, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 2 }, store, blobs, programs, scratch: path.join(root, 'scratch'),
      hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined },
    });
  const prepared = await call('prepare', 'seed-0/prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 1 + ROUNDS, seed: '0', configFolder: root });
  const corpus = await openCorpus(store, prepared.ref);
  const stages: FinishedStage[] = [{ stage: 'seed-0/prepare', name: 'prepare', seed: 0, arm: null, round: null, results: [prepared] }];
  const random = randomStream('made-up scores');
  const rows: ScoredRow[] = [];

  /** rows [first, end) of a group, as a scoring stage publishes them */
  const scored = async (group: readonly ScoredRow[], round: number, part: number): Promise<StageResult> => {
    const folder = path.join(root, `scores-${round}-${part}`);
    await mkdir(folder);
    await writeParquet({
      file: path.join(folder, 'scores.parquet'),
      schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } },
      rows: group.map(({ id, index, source, logit, trained }) => ({ id, index, source, logit, trained })),
    });
    const { sha256, digest } = prepared.ref;
    const ref = await store.publish({ kind: 'scores', folder, digest: await digestRows(group.map(({ id, logit }) => [id, logit] as const)), lineage: { stage: 'scoring', stageVersion: 2, inputs: { corpus: { sha256, digest } } }, summary: {} });
    return { ref, summary: {}, cached: false };
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const group: ScoredRow[] = [];
    for await (const row of (await corpus.group(round, { documents: true })).read(0, ROWS)) group.push({ ...row, round, logit: Math.fround(random.normal() + (row.source === 'books' ? 1 : 0)), trained: random.below(3) === 0 });
    rows.push(...group);
    const parts = [await scored(group.slice(0, 50), round, 0), await scored(group.slice(50), round, 1)];
    const { method, temperature, trainedRows } = config.selection;
    const select = { fraction: FRACTION, method, temperature, trainedRows, corpus: prepared.ref, group: round, seed: `0/round-${round}` };
    const at = (arm: string, stage: string) => ({ stage: `seed-0/${arm}/round-${round}/${stage}`, seed: 0, arm, round });
    stages.push({ ...at('bliss', 'scoring'), name: 'scoring', results: parts });
    for (const arm of ['bliss', 'random'] as const) {
      const place = at(arm, 'selection');
      stages.push({ ...place, name: 'selection', results: [await call('selection', place.stage, { ...select, selector: arm, scores: arm === 'bliss' ? parts.map(({ ref }) => ref) : [] })] });
    }
  }

  const refOf = (stage: string): Ref => {
    const found = stages.find((each) => each.stage === stage);
    if (found === undefined) throw new Error(`no ${stage}`);
    return found.results[0].ref;
  };
  return {
    root,
    store,
    corpus,
    /** every row of both rounds, with what was made up of it */
    rows,
    stages,
    refOf,
    chosen: FRACTION * ROWS,
    /** what an export of some rounds of an arm is asked for */
    asked: (arm: 'bliss' | 'random', rounds: readonly number[]): Omit<ExportDataset, 'to' | 'what'> => ({
      store,
      selections: rounds.map((round) => ({ round, stage: `seed-0/${arm}/round-${round}/selection`, ref: refOf(`seed-0/${arm}/round-${round}/selection`) })),
      corpus: prepared.ref,
      origin: { run: 'test', seed: 0, arm: { name: arm, selector: arm }, selection: { ...config.selection, fraction: FRACTION }, configuration: 'c'.repeat(64) },
      stages,
    }),
  };
}
