import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonicalJson, fileBlobs, openStore, sha256, type PublishInput } from '../../lib/artifacts/index.js';

let root = '';
beforeEach(async () => { root = await mkdtemp(path.join(os.tmpdir(), 'bliss-store-')); });
afterEach(async () => { await rm(root, { recursive: true, force: true }); });

const fresh = () => openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }), codeVersion: 'test' });

async function input(files: Record<string, string>, more: Partial<PublishInput> = {}): Promise<PublishInput> {
  const folder = await mkdtemp(path.join(root, 'folder-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return { kind: 'state', folder, digest: sha256(JSON.stringify(files)), lineage: { stage: 'training', stageVersion: 1, inputs: {} }, summary: { steps: 3 }, ...more };
}

describe('publish and open', () => {
  test('what was published comes back, named by the sha256 of its manifest', async () => {
    const store = fresh();
    const ref = await store.publish(await input({ 'a.txt': 'alpha', 'deep/b.txt': 'beta!' }));
    expect(ref.size).toBe(10);
    expect(ref.uri).toBe(`store:artifacts/${ref.sha256}/manifest.json`);
    const artifact = await fresh().open(ref);
    expect(await readFile(await artifact.file('deep/b.txt'), 'utf8')).toBe('beta!');
    expect(sha256(canonicalJson(artifact.manifest))).toBe(ref.sha256);
    expect(artifact.manifest).toMatchObject({ kind: 'state', summary: { steps: 3 }, lineage: { stage: 'training', codeVersion: 'test' }, files: [{ name: 'a.txt', size: 5 }, { name: 'deep/b.txt', size: 5 }] });
  });

  test('again gives the same reference, other content another', async () => {
    const store = fresh();
    const first = await store.publish(await input({ a: 'x' }));
    expect(await store.publish(await input({ a: 'x' }))).toEqual(first);
    expect((await store.publish(await input({ a: 'y' }))).sha256).not.toBe(first.sha256);
  });

  test('a folder changed after publishing does not reach the store', async () => {
    const store = fresh();
    const given = await input({ a: 'before' });
    const ref = await store.publish(given);
    await writeFile(path.join(given.folder, 'a'), 'AFTER!');
    expect(await readFile(await (await store.open(ref)).file('a'), 'utf8')).toBe('before');
  });

  test('an artifact that is not there is ArtifactMissing, with a mend', async () => {
    const absent = sha256('nothing');
    const ref = { uri: `store:artifacts/${absent}/manifest.json`, sha256: absent, size: 0, digest: '' };
    await expect(fresh().open(ref)).rejects.toMatchObject({ code: 'ArtifactMissing', mend: expect.stringContaining('run') });
    const artifact = await fresh().open(await fresh().publish(await input({ a: 'x' })));
    await expect(artifact.file('b')).rejects.toMatchObject({ code: 'ArtifactMissing', message: expect.stringContaining('only a') });
  });

  test('links and a manifest of the caller’s own are refused by name', async () => {
    const given = await input({ 'manifest.json': '{}' });
    await expect(fresh().publish(given)).rejects.toMatchObject({ code: 'DataInvalid', where: expect.stringContaining('manifest.json') });
  });
});

describe('what a bad disk changed', () => {
  const flipped = async (file: string): Promise<void> => {
    const bytes = await readFile(file);
    bytes[0] ^= 1;
    await writeFile(file, bytes);
  };

  test('a flipped bit in a file is DataCorrupt, naming file and mend; seen by a new process, mended by publishing again', async () => {
    const store = fresh();
    const given = await input({ 'weights.bin': 'abcdef' });
    const ref = await store.publish(given);
    const file = await (await store.open(ref)).file('weights.bin');
    await flipped(file);
    await expect((await fresh().open(ref)).file('weights.bin')).rejects.toMatchObject({ code: 'DataCorrupt', where: file, mend: expect.stringContaining('delete') });
    expect(await fresh().publish(given)).toEqual(ref);
    expect(await readFile(await (await fresh().open(ref)).file('weights.bin'), 'utf8')).toBe('abcdef');
  });

  test('a file cut short says so; a file gone too', async () => {
    const store = fresh();
    const ref = await store.publish(await input({ 'weights.bin': 'abcdef' }));
    const file = await (await store.open(ref)).file('weights.bin');
    await truncate(file, 2);
    await expect((await fresh().open(ref)).file('weights.bin')).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('2 bytes') });
    await rm(file);
    await expect((await fresh().open(ref)).file('weights.bin')).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('gone') });
  });

  test('a changed manifest is DataCorrupt', async () => {
    const store = fresh();
    const ref = await store.publish(await input({ a: 'x' }));
    await flipped(await store.blobs.localFile(ref.uri.slice('store:'.length)));
    await expect(fresh().open(ref)).rejects.toMatchObject({ code: 'DataCorrupt' });
  });
});

describe('the stage cache', () => {
  const key = sha256('a stage');

  test('the first note stands, for every worker', async () => {
    const store = fresh();
    const one = { model: await store.publish(await input({ a: '1' })), summary: { loss: 2.5 } };
    const two = { model: await store.publish(await input({ a: '2' })), summary: { loss: 2.25 } };
    expect(await store.find(key)).toBeUndefined();
    expect(await store.record(key, one)).toEqual(one);
    expect(await fresh().record(key, two)).toEqual(one);
    expect(await fresh().find(key)).toEqual(one);
  });

  test.each(['manifest', 'file'])('a stage whose artifact lost its %s is computed again', async (what) => {
    const store = fresh();
    const given = await input({ a: '12345' });
    const outputs = { ref: await store.publish(given) };
    await store.record(key, outputs);
    const artifact = await store.open(outputs.ref);
    if (what === 'manifest') await store.blobs.delete(outputs.ref.uri.slice('store:'.length));
    else await truncate(await artifact.file('a'), 3);
    expect(await fresh().find(key)).toBeUndefined();
    await store.publish(given);
    expect(await fresh().record(key, outputs)).toEqual(outputs);
    expect(await fresh().find(key)).toEqual(outputs);
  });
});
