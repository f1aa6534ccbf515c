import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Artifact } from '../../lib/artifacts/types.js';
import { openHome } from '../../lib/home.js';
import { readSafetensors, writeSafetensors } from '../../lib/models/index.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { bliss, place, type Ended } from './bliss.js';

/** As short as a whole run can be. */
const SHORT = 'extends: smoke\nwarmUp: { steps: 5 }\nbilevel: { outerSteps: 4 }\npretraining: { steps: 5, decay: { steps: 3 } }\n';

interface Answer {
  readonly state: string;
  readonly digests: Readonly<Record<'weights' | 'selection', string>>;
}
interface Planned {
  readonly stages: readonly { readonly stage: string; readonly state: string; readonly why?: string; readonly work?: { readonly amount: number; readonly unit: string } }[];
}

describe('what one run has made is where others begin', () => {
  const { folder, home } = place();
  const run = (...args: string[]): Promise<Ended> => bliss([...args, '--home', home, '--json'], { cwd: folder });
  const stagesOf = (name: string): readonly FinishedStage[] => readJson<readonly FinishedStage[]>(path.join(openHome(home).run(name).root, 'stages.json')) ?? [];
  const artifactOf = (name: string, stage: string): Promise<Artifact> => {
    const ref = stagesOf(name).find((each) => each.stage === stage)?.results[0].ref;
    if (ref === undefined) throw new Error(`${name} has no ${stage}: ${stagesOf(name).map((each) => each.stage).join(', ')}`);
    return openStore({ blobs: fileBlobs({ root: openHome(home).store }) }).open(ref);
  };
  const file = async (name: string, stage: string, of: string): Promise<string> => (await artifactOf(name, stage)).file(of);
  const given = path.join(folder, 'given');
  let first: Answer;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'first.yaml'), `${SHORT}name: first\n`);
    writeFileSync(path.join(folder, 'onward.yaml'), `${SHORT}name: onward\nmodels: { target: { from: given } }\ntokenizer: { type: file, path: given/tokenizer.json }\n`);
    const ended = await run('run', 'first.yaml', '--name', 'first');
    expect(ended.code, ended.stderr).toBe(0);
    first = JSON.parse(ended.stdout) as Answer;
    const exported = await run('export', 'first', '--what', 'model', '--to', given);
    expect(exported.code, exported.stderr).toBe(0);
  }, 240_000);

  const planOf = async (stage: string, ...args: string[]): Promise<Planned['stages'][number] | undefined> => {
    const { code, stdout, stderr } = await run('plan', ...args);
    expect(code, stdout + stderr).toBe(0);
    return (JSON.parse(stdout) as Planned).stages.find((each) => each.stage === stage);
  };

  test('a target goes on from exported weights: its first state has their very bits, and no warm-up', async () => {
    const saved = await readSafetensors(path.join(given, 'model.safetensors'));
    const weights = Object.values(saved.arrays).reduce((sum, { length }) => sum + length, 0);
    expect(await planOf('seed-0/import/target', 'onward.yaml')).toMatchObject({ state: 'to run', work: { amount: weights, unit: 'weights' } });
    expect(await planOf('seed-0/warm-up/target', 'onward.yaml')).toBeUndefined();

    const ended = await run('run', 'onward.yaml', '--name', 'onward');
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    expect(stagesOf('onward').map(({ stage }) => stage).slice(0, 4)).toEqual(['seed-0/prepare', 'seed-0/warm-up/selection', 'seed-0/warm-up/proxy', 'seed-0/import/target']);
    const imported = await readSafetensors(await file('onward', 'seed-0/import/target', 'weights.safetensors'));
    expect(imported).toEqual(saved);
    for (const [name, array] of Object.entries(saved.arrays)) expect(Buffer.from(imported.arrays[name].buffer).equals(Buffer.from(array.buffer)), name).toBe(true);
    // both arms train from it, and the scores are learnt against it
    const { lineage } = (await artifactOf('onward', 'seed-0/import/target')).manifest;
    expect(lineage.stage).toBe('importing');
    const digest = (await artifactOf('onward', 'seed-0/import/target')).manifest.digest;
    for (const stage of ['bliss/round-1/pretraining', 'random/round-1/pretraining']) expect((await artifactOf('onward', `seed-0/${stage}`)).manifest.lineage.inputs).toMatchObject({ 'start.state': { digest } });
    expect((await artifactOf('onward', 'seed-0/bliss/round-1/bilevel')).manifest.lineage.inputs).toMatchObject({ target: { digest } });
    const first_ = JSON.parse(readFileSync(openHome(home).run('onward').metrics, 'utf8').split('\n').find((line) => line.includes('random/round-1/pretraining')) ?? '') as { readonly loss: number };
    const warm = readFileSync(openHome(home).run('first').metrics, 'utf8').split('\n').find((line) => line.includes('random/round-1/pretraining')) ?? '';
    // trained for a round longer than a target that was only warmed up
    expect(first_.loss).toBeLessThan((JSON.parse(warm) as { readonly loss: number }).loss);
    expect(readFileSync(openHome(home).run('onward').report, 'utf8')).toContain('seed-0/import/target');
  }, 240_000);

  test('a weight that is changed is another beginning, and a plan says so', async () => {
    expect(await planOf('seed-0/import/target', 'onward.yaml')).toMatchObject({ state: 'found finished' });
    cpSync(given, path.join(folder, 'edited'), { recursive: true });
    const edited = path.join(folder, 'edited', 'model.safetensors');
    expect(await planOf('seed-0/import/target', 'onward.yaml', '--set', 'models.target.from=edited')).toMatchObject({ state: 'found finished' });
    const { arrays, shapes } = await readSafetensors(edited);
    const [name] = Object.keys(arrays);
    await writeSafetensors({ path: edited, arrays: { ...arrays, [name]: arrays[name].map((value, i) => (i === 0 ? value + 1 : value)) }, shapes });
    expect(await planOf('seed-0/import/target', 'onward.yaml', '--set', 'models.target.from=edited')).toMatchObject({ state: 'to run', why: expect.stringContaining('files.model.safetensors') });
  }, 120_000);

  test('a larger target trains on what a smaller one’s run chose, by the run’s name', async () => {
    const ended = await run('run', 'first.yaml', '--name', 'larger', '--set', 'models.target.width=64', '--set', 'models.target.layers=2', '--set', 'selection.from=first/round-1');
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    expect(stagesOf('larger').map(({ stage }) => stage).filter((stage) => stage.includes('/bliss/'))).toEqual(['pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/bliss/round-1/${stage}`));
    const trained = await artifactOf('larger', 'seed-0/bliss/round-1/pretraining');
    const chosen = (await artifactOf('first', 'seed-0/bliss/round-1/selection')).manifest.digest;
    expect(trained.manifest.lineage.inputs).toMatchObject({ selection: { digest: chosen } });
    const { shapes } = await readSafetensors(await trained.file('weights.safetensors'));
    expect(shapes['gpt_neox.embed_in.weight']).toEqual([512, 64]);
    expect(Object.keys(shapes).some((name) => name.includes('layers.1.'))).toBe(true);
  }, 240_000);

  test('the ids of what was chosen are that choice, so that all that was trained on it is found; ids of no row end the run until they are fixed', async () => {
    const ids = path.join(folder, 'ids');
    const exported = await run('export', 'first', '--what', 'dataset', '--to', ids);
    expect(exported.code, exported.stderr).toBe(0);
    writeFileSync(path.join(ids, 'more.txt'), 'books:999999999\n');
    const failed = await run('run', 'first.yaml', '--name', 'again', '--set', 'selection.from=./ids');
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: 'DataInvalid', stage: 'seed-0/bliss/round-1/selection', message: `${ids}: 1 of 103 ids are of no row of this run's corpus; the first is "books:999999999"`, fix: expect.stringContaining('or leave these ids out') } });

    writeFileSync(path.join(ids, 'more.txt'), '\n');
    const ended = await run('resume', 'again');
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    expect((JSON.parse(ended.stdout) as Answer).digests.weights).toBe(first.digests.weights);
    const cached = stagesOf('again').flatMap(({ stage, results: [{ cached: found }] }) => (found ? [] : [stage]));
    expect(cached).toEqual(['seed-0/bliss/round-1/selection']);
  }, 240_000);
});
