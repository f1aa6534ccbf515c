import { mkdtempSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, type RunConfig } from '../../../config/index.js';
import { fileBlobs, openStore, type Ref } from '../../../lib/artifacts/index.js';
import { loadTokenizer } from '../../../lib/data/index.js';
import { evaluateTasks, readItems, taskByName } from '../../../lib/evaluation/index.js';
import { createLogLikelihoodProgram, ProgramCache } from '../../../lib/programs/index.js';
import { keyContent } from '../../../lib/stages/execution/execute.js';
import { executeStage, stageByName, stageKey, type StageHooks, type StageInputs, type StageName, type StageResult } from '../../../lib/stages/index.js';
import { readArrays } from '../../../lib/stages/state.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-tasks-'));
const fixtures = path.join(import.meta.dirname, '..', '..', 'fixtures', 'lm-eval');
const blobs = fileBlobs({ root: path.join(root, 'store') });
const store = openStore({ blobs });
const programs = new ProgramCache();
const quiet: StageHooks = { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined };
const call = <Name extends StageName>(name: Name, input: StageInputs[Name], hooks: Partial<StageHooks> = {}, { attempt = 1, scope = '' } = {}): Promise<StageResult> =>
  executeStage({ stage: stageByName(name), task: { name, run: `test${scope}`, stage: name, input, fencingToken: { epoch: 1, attempt }, scope, keepCheckpoints: 2 }, store, blobs, programs, scratch: path.join(root, 'scratch'), hooks: { ...quiet, ...hooks } });

let config: RunConfig;
let corpus: StageResult;
let state: StageResult;
const input = (tasks?: StageInputs['evaluation']['tasks']): StageInputs['evaluation'] => ({
  model: config.models.target,
  vocabularySize: config.models.vocabularySize,
  sequenceLength: config.data.sequenceLength,
  corpus: corpus.ref,
  state: state.ref,
  sets: ['test'],
  batchSize: 8,
  compiler: 'graph',
  ...(tasks === undefined ? {} : { tasks }),
});
const piqa = { of: [{ name: 'piqa' as const, path: 'piqa/valid.jsonl' }, { name: 'boolq' as const, path: 'boolq.parquet', limit: 2 }], folder: fixtures };

beforeAll(async () => {
  ({ config } = loadConfig({ source: 'smoke', overrides: ['data.rowsPerGroup=64', 'data.rowsPerShard=32', 'data.sequenceLength=64', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'warmUp.batchSize=4', 'pretraining.batchSize=4'], cwd: root }));
  corpus = await call('prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 1, seed: '0', configFolder: root });
  const drawn = await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: '0/warm-up' });
  state = await call('training', { purpose: 'warm-up', model: config.models.target, vocabularySize: config.models.vocabularySize, sequenceLength: 64, selection: drawn.ref, start: { seed: '0/target' }, steps: 3, batchSize: 4, schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 1 }, gradientClip: 1, adam: config.pretraining.adam, checkpointEvery: 3, compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue', seed: '0/target' });
}, 120_000);

describe('the key of an evaluation', () => {
  const stage = stageByName('evaluation');
  const key = (of: StageInputs['evaluation']): Promise<string> => stageKey(stage, { input: of, scope: '' });

  test('without tasks is what it was before there were any', async () => {
    const ref = (name: string): Ref => ({ uri: `store:${name}`, sha256: '0'.repeat(64), size: 1, digest: name.repeat(32) });
    const before: StageInputs['evaluation'] = {
      model: { architecture: 'gpt-neox', layers: 1, width: 32, heads: 4, rotaryFraction: 0.25, rotaryBase: 10_000, layerNormEpsilon: 1e-5, initStandardDeviation: 0.02 },
      vocabularySize: 300, sequenceLength: 64, corpus: ref('ab'), state: ref('cd'), sets: ['test'], batchSize: 8, compiler: 'xla',
    };
    expect(await key(before)).toBe('5901384aaf90cb2e320ff50d8d3bcfc167a78599e794dba16e260338c1ab3f49');
  });

  test('goes by the items, not by where they lie; by the limit and by the labels', async () => {
    const base = await key(input(piqa));
    const folder = mkdtempSync(path.join(root, 'moved-'));
    await cp(fixtures, folder, { recursive: true });
    const moved = { ...piqa, folder };
    expect(await key(input(moved))).toBe(base);
    expect(await key(input())).not.toBe(base);
    expect(await key(input({ ...piqa, of: piqa.of.map((one) => ({ ...one, limit: 1 })) }))).not.toBe(base);
    await writeFile(path.join(folder, 'piqa', 'valid-labels.lst'), '1\n'.repeat(8));
    expect(await key(input(moved))).not.toBe(base);
  });

  test('goes by the questions where a task has its own, wherever the configuration lies', async () => {
    const base = await key(input({ of: [{ name: 'wordnet', limit: 5 }], folder: fixtures }));
    expect(await key(input({ of: [{ name: 'wordnet', limit: 5 }], folder: '/' }))).toBe(base);
    expect(await key(input({ of: [{ name: 'wordnet', limit: 6 }], folder: '/' }))).not.toBe(base);
    expect((await keyContent(stage, { input: input({ of: [{ name: 'wordnet' }], folder: '/' }), scope: '' })).parts).toEqual({ wordnet: [expect.stringMatching(/^[0-9a-f]{64}$/)] });
  }, 60_000);
});

describe('an evaluation with tasks', () => {
  test('has the sets as without, and the tasks as they come out when asked directly', async () => {
    const without = await call('evaluation', input());
    const lines: string[] = [];
    const steps: [number, number][] = [];
    const { ref, summary } = await call('evaluation', input(piqa), { onMetrics: async (all) => void lines.splice(0, Infinity, ...all), onProgress: async ({ step, of }) => void steps.push([step, of]) });
    expect(summary['results']).toEqual(without.summary['results']);
    expect(summary['loss']).toBe(without.summary['loss']);
    expect(without.summary).not.toHaveProperty('tasks');

    const artifact = await store.open(corpus.ref);
    const weights = await readArrays(await store.open(state.ref), 'weights.safetensors');
    const { model, vocabularySize } = { model: config.models.target, vocabularySize: config.models.vocabularySize };
    const tasks = [];
    for (const { name, path: at, ...limit } of piqa.of) tasks.push({ task: taskByName(name), items: await readItems({ task: taskByName(name), path: at, folder: fixtures, field: 'f', ...limit }) });
    const outcomes = await evaluateTasks({
      tasks, tokenizer: await loadTokenizer(await artifact.file('tokenizer.json')), vocabularySize, maxLength: 64, batchSize: 8,
      open: async (shape) => {
        const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: 'graph' });
        program.setState(weights);
        return program;
      },
    });
    expect(summary['tasks']).toEqual(Object.fromEntries(outcomes.map(({ task, items, metrics, cut }) => [task.name, { items: items.items.length, documents: items.documents, metrics, cut }])));
    expect(summary['tasks']).toMatchObject({ piqa: { items: 8, documents: 8 }, boolq: { items: 2, documents: 3 } });

    const [piqaMetrics] = outcomes;
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual({
      task: 'piqa', items: 8,
      acc: piqaMetrics.metrics[0].value, accStandardError: piqaMetrics.metrics[0].standardError,
      acc_norm: piqaMetrics.metrics[1].value, acc_normStandardError: piqaMetrics.metrics[1].standardError,
    });
    const each = JSON.parse(await readFile(await (await store.open(ref)).file('task-items.json'), 'utf8')) as Record<string, Record<string, number[]>>;
    expect(each['piqa']['acc']).toEqual(piqaMetrics.itemMetrics.map(({ acc }) => acc));
    // 8 passages, then two requests an item
    expect(steps.at(-1)).toEqual([8 + 20, 8 + 20]);
    expect(steps.every(([step], i) => i === 0 || step >= steps[i - 1][0])).toBe(true);
  });

  test('that is stopped goes on where it was, to the same digest and metrics', async () => {
    const two = { ...input(piqa), batchSize: 2 };
    const linesOf = (lines: string[]): Partial<StageHooks> => ({ onMetrics: async (all) => void lines.splice(0, Infinity, ...all) });
    const wholeLines: string[] = [];
    const whole = await call('evaluation', two, linesOf(wholeLines));

    let steps = 0;
    // 4 batches of passages, then what is known of the tasks, then their batches
    const stopped = call('evaluation', two, { onProgress: async () => void steps++, stopReason: () => (steps > 7 ? 'the test says so' : undefined) }, { scope: 'stopped' });
    await expect(stopped).rejects.toMatchObject({ code: 'Stopped' });
    const lines: string[] = [];
    const done: number[] = [];
    const resumed = await call('evaluation', two, { ...linesOf(lines), onProgress: async ({ step }) => void done.push(step) }, { attempt: 2, scope: 'stopped' });
    // of the 20 requests three batches of two are known
    expect(done.slice(0, 6)).toEqual([2, 4, 6, 8, 8 + 6, 8 + 8]);
    expect(resumed.ref.digest).toBe(whole.ref.digest);
    expect(lines).toEqual(wholeLines);
  });

  test('says what is wrong with an item', async () => {
    await expect(call('evaluation', input({ of: [{ name: 'sciq', path: 'boolq.parquet' }], folder: fixtures }))).rejects.toMatchObject({ code: 'DataInvalid', where: expect.stringContaining('boolq.parquet (row group 0, row 0)') });
  });
});
