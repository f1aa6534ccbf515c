import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../../lib/package-root.js';
import { readInstalled, tensorflowEnvironment } from '../../../workers/installed.js';

/** fewer than the files of what is read: a process has some of its own */
const OPEN_FILES = 200;
const SHARDS = 250;

/** Runs built code in a process that may open few files. @returns what it prints */
function withFewFiles(root: string, code: string): string {
  const dist = path.join(packageRoot(), 'dist');
  const file = path.join(root, 'code.mjs');
  writeFileSync(file, `const load = (file) => import(${JSON.stringify(`${dist}/`)} + file);\n${code}\nprocess.exit(0);`);
  const { stdout, stderr, status } = spawnSync('bash', ['-c', `ulimit -n ${OPEN_FILES}; exec "$0" "$1"`, process.execPath, file], { env: tensorflowEnvironment({ installed: readInstalled() }), encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function place(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-open-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a corpus of more files and shards than a process may open is prepared, selected from and read', async () => {
  const root = await place();
  const words = (n: number): string => `${n} ${Array.from({ length: 60 }, (_, i) => ['one', 'two', 'three', 'four', 'five', 'six', 'seven'][(i * n + i) % 7]).join(' ')}. Every document ends here.`;
  for (const folder of ['corpus', 'held']) mkdirSync(path.join(root, folder));
  for (let i = 0; i < SHARDS; i++) writeFileSync(path.join(root, 'corpus', `${i}.txt`), words(i));
  for (let i = 0; i < 60; i++) writeFileSync(path.join(root, 'held', `${i}.txt`), `${words(1_000 + i)} ${words(i)}`);
  const overrides = ['data.sources=[{type: files, name: mine, paths: [corpus]}]', 'heldOut.source={type: files, paths: [held]}', `data.rowsPerGroup=${SHARDS}`, 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8'];
  const said = withFewFiles(root, `
    const [{ executeStage, stageByName }, { fileBlobs, openStore }, { loadConfig }, { openFeeder, WaitClock }, { openSelection }] = await Promise.all(['lib/stages/index.js', 'lib/artifacts/index.js', 'config/index.js', 'lib/data/index.js', 'lib/stages/contents/corpus.js'].map(load));
    const root = ${JSON.stringify(root)};
    const { config } = loadConfig({ source: 'smoke', overrides: ${JSON.stringify(overrides)}, cwd: root });
    const blobs = fileBlobs({ root: root + '/store' });
    const hooks = { onProgress: async () => {}, onPhase: async () => {}, onCheckpoint: async () => {}, onEvent() {}, onNote() {}, onSetAside() {}, onMetrics: async () => {}, timings: async () => [], stopReason: () => undefined };
    // each with a store that has checked no file yet
    const call = (name, input) => executeStage({ stage: stageByName(name), task: { name, run: 'r', stage: name, input, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 2 }, store: openStore({ blobs }), blobs, programs: undefined, scratch: root + '/scratch', hooks });
    const corpus = await call('prepare', { data: { ...config.data, rowsPerShard: 1 }, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder: root });
    const selected = await call('selection', { selector: 'random', fraction: 1, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 1, scores: [], seed: '0' });
    const shards = await openSelection({ store: openStore({ blobs }), ref: selected.ref, batchSize: 10, sequenceLength: 16, stage: 'reading' });
    const feeder = await openFeeder({ ...shards, batchSize: 10, requests: Array.from({ length: ${SHARDS / 10} }, (_, step) => ({ kind: 'ordered', seed: '0', step })), clock: new WaitClock() });
    const rows = new Set();
    for (let i = 0; i < ${SHARDS / 10}; i++) for (const id of (await feeder.next()).ids) rows.add(id);
    await feeder.close();
    console.log(shards.index.shards.length, rows.size);
  `);
  expect(said).toBe(`${SHARDS} ${SHARDS}`);
});

test('weights in more shards than a process may open are checked and read', async () => {
  const root = await place();
  const said = withFewFiles(root, `
    const [{ createModel, openHuggingFace, writeHuggingFace }, { loadConfig }] = await Promise.all(['lib/models/index.js', 'config/index.js'].map(load));
    const { config: { models: { target, vocabularySize } } } = loadConfig({ source: 'smoke', overrides: ['models.target={width: 16, layers: 22, heads: 2}'], cwd: '/' });
    const shapes = createModel(target).shapes(vocabularySize);
    const arrays = createModel(target).init({ vocabularySize, seed: 1 });
    await writeHuggingFace({ folder: ${JSON.stringify(root)}, model: target, vocabularySize, contextLength: 32, shapes, shardBytes: 1, read: async (name) => Float32Array.from(arrays[name]) });
    const opened = await openHuggingFace(${JSON.stringify(root)});
    let same = 0;
    for (const name of Object.keys(shapes)) if (Buffer.from((await opened.read(name)).buffer).equals(Buffer.from(Float32Array.from(arrays[name]).buffer))) same++;
    await opened.close();
    console.log(opened.files.length > ${OPEN_FILES}, same === opened.files.length);
  `);
  expect(said).toBe('true true');
});
