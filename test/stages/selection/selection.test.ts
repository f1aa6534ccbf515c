import { mkdirSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore, type Ref } from '../../../lib/artifacts/index.js';
import { parquetRows, writeParquet } from '../../../lib/data/index.js';
import { ProgramCache } from '../../../lib/programs/index.js';
import { openCorpus } from '../../../lib/stages/contents/corpus.js';
import { executeStage, stageByName, type StageInputs, type StageName, type StageResult } from '../../../lib/stages/index.js';
import { recordInputs } from '../../workflows/recorded-inputs.js';

/** How a run's configuration has rows chosen, on scores that are made up: ties in float16 within the first half, every other row one that trained the scorer. */
const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-selection-'));
const blobs = fileBlobs({ root: path.join(root, 'store') });
const store = openStore({ blobs });
const settings = ['data.rowsPerGroup=64', 'data.rowsPerShard=64', 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'bilevel.trainingFraction=0.5', 'warmUp.batchSize=4', 'pretraining.batchSize=4', 'selection.fraction=0.25'];
const configOf = (...overrides: string[]) => loadConfig({ source: 'smoke', overrides: [...settings, ...overrides], cwd: root }).config;
const call = <Name extends StageName>(name: Name, input: StageInputs[Name], stage: string): Promise<StageResult> =>
  executeStage({
    stage: stageByName(name),
    task: { name, run: 'test', stage, input, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 2 },
    store,
    blobs,
    programs: new ProgramCache(),
    scratch: path.join(root, 'scratch'),
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined },
  });

interface Row {
  readonly id: string;
  readonly logit: number;
  readonly trained: boolean;
}
let corpus: Ref;
let scores: Ref;
const rows: Row[] = [];
beforeAll(async () => {
  const config = configOf();
  corpus = (await call('prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder: root }, 'prepare')).ref;
  const group = await (await openCorpus(store, corpus)).group(1);
  // the higher the index, the better, by less than float16 tells apart among the best 32
  for await (const { id, index } of group.read(0, group.rows)) rows.push({ id, logit: Math.fround(index < 32 ? index / 100 : 12 + index / 100), trained: index % 2 === 1 });
  const folder = path.join(root, 'scores');
  mkdirSync(folder);
  await writeParquet({
    file: path.join(folder, 'scores.parquet'),
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } },
    rows: rows.map((row, index) => ({ ...row, index, source: 'books' })),
  });
  scores = await store.publish({ kind: 'scores', folder, digest: 'scores', lineage: { stage: 'scoring', stageVersion: 2, inputs: {} }, summary: {} });
}, 120_000);

/** ids in order of rank */
async function chosen(...overrides: string[]): Promise<string[]> {
  const stage = 'seed-0/bliss/round-1/selection';
  const refs: Record<string, Ref> = { 'seed-0/prepare': corpus, 'seed-0/bliss/round-1/scoring': scores };
  const input = (await recordInputs({ config: configOf(...overrides), refOf: (of) => refs[of] ?? { uri: `store:${of}`, sha256: '', size: 0, digest: of } })).of('selection', stage);
  const { ref } = await call('selection', input, ['selected', ...overrides].join('-'));
  const ids: string[] = [];
  for await (const row of parquetRows({ file: await (await store.open(ref)).file('selected.parquet'), columns: ['id'] })) ids.push(String(row['id']));
  return ids;
}
const best = (among: readonly Row[], by: (a: Row, b: Row) => number): string[] => among.toSorted(by).slice(0, 16).map(({ id }) => id);
const byId = (a: Row, b: Row): number => (a.id < b.id ? -1 : 1);

test('rows are ranked by logit, those that trained the scorer too', async () => {
  const ids = await chosen();
  expect(ids).toEqual(best(rows, (a, b) => b.logit - a.logit));
  expect(ids.some((id) => rows.some((row) => row.id === id && row.trained))).toBe(true);
});

test('selection.trainedRows=exclude: no row that trained the scorer is chosen, and as many others are', async () => {
  expect(await chosen('selection.trainedRows=exclude')).toEqual(best(rows.filter(({ trained }) => !trained), (a, b) => b.logit - a.logit));
});

test.each(['selection.method=top-k-float16', 'parity=release'])('%s: where float16 sees no difference the id decides, not the score', async (override) => {
  // σ(12) is within half a step of 1
  const ids = await chosen(...(override === 'parity=release' ? [override, 'bilevel.trainingFraction=1'] : [override]));
  expect(ids).toEqual(best(rows.slice(32), byId));
  expect(ids).not.toEqual(best(rows, (a, b) => b.logit - a.logit));
});

test('a row loses by what rows chosen before it have already, where a run asks for it', async () => {
  const group = await (await openCorpus(store, corpus)).group(1);
  const words: Set<number>[] = [];
  for await (const { tokens } of group.read(0, group.rows)) words.push(new Set(tokens));
  const mean = rows.reduce((sum, { logit }) => sum + logit, 0) / rows.length;
  const loss = 3 * Math.sqrt(rows.reduce((sum, { logit }) => sum + (logit - mean) ** 2, 0) / rows.length);
  const seen = new Set<number>();
  const wanted: string[] = [];
  while (wanted.length < 16) {
    const values = rows.map(({ id, logit }, i) => (wanted.includes(id) ? -Infinity : logit - loss * ([...words[i]].filter((word) => seen.has(word)).length / words[i].size)));
    const next = values.indexOf(Math.max(...values));
    wanted.push(rows[next].id);
    words[next].forEach((word) => seen.add(word));
  }
  const ids = await chosen('selection.redundancy.weight=3', 'selection.redundancy.ngram=1');
  expect(ids).toEqual(wanted);
  expect(ids).not.toEqual(await chosen());
});
