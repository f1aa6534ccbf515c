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

  test('an artifact that is not there is ArtifactMissing, with a fix', async () => {
    const absent = sha256('nothing');
    const ref = { uri: `store:artifacts/${absent}/manifest.json`, sha256: absent, size: 0, digest: '' };
    await expect(fresh().open(ref)).rejects.toMatchObject({ code: 'ArtifactMissing', fix: expect.stringContaining('run') });
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

  test('a flipped bit in a file is DataCorrupt, naming file and fix; seen by a new process, fixed by publishing again', async () => {
    const store = fresh();
    const given = await input({ 'weights.bin': 'abcdef' });
    const ref = await store.publish(given);
    const file = await (await store.open(ref)).file('weights.bin');
    await flipped(file);
    await expect((await fresh().open(ref)).file('weights.bin')).rejects.toMatchObject({ code: 'DataCorrupt', where: file, fix: expect.stringContaining('delete') });
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

  describe('a note that names another stage’s artifact, whole as it is', () => {
    const origin = { stage: 'training', stageVersion: 1, inputs: [sha256('corpus')] };
    const lineage = (more: { readonly key?: string; readonly stage?: string; readonly stageVersion?: number; readonly digest?: string } = {}): PublishInput['lineage'] => ({
      stage: more.stage ?? 'training',
      stageVersion: more.stageVersion ?? 1,
      inputs: { corpus: { sha256: sha256('any'), digest: more.digest ?? sha256('corpus') } },
      ...(more.key === undefined ? {} : { key: more.key }),
    });
    /** Looks a note up as a stage does. */
    async function look(outputs: object): Promise<{ readonly found: unknown; readonly dropped: readonly string[] }> {
      const { blobs } = fresh();
      await blobs.putIfAbsent(`stages/${key}.json`, Buffer.from(canonicalJson(outputs)));
      const dropped: string[] = [];
      const found = await fresh().find(key, { origin, onDropped: (why) => dropped.push(why) });
      expect((await blobs.list('stages/')).length).toBe(found === undefined ? 0 : 1); // so that it is computed again
      return { found, dropped };
    }
    const published = async (of: PublishInput['lineage'], summary = { steps: 3 }) => fresh().publish(await input({ a: '1' }, { lineage: of, summary }));

    test('is taken where the artifact was made under this key', async () => {
      const outputs = { ref: await published(lineage({ key })), summary: { steps: 3 } };
      expect(await look(outputs)).toEqual({ found: outputs, dropped: [] });
    });

    test('is dropped where it was made under another, however alike', async () => {
      const other = sha256('another stage');
      const { found, dropped } = await look({ ref: await published(lineage({ key: other })), summary: { steps: 3 } });
      expect(found).toBeUndefined();
      expect(dropped).toEqual([expect.stringContaining(`the artifact was made under another key, ${other}`)]);
    });

    test('is taken with an artifact of an earlier version, which names no key, where stage, version and origin fit', async () => {
      const outputs = { ref: await published(lineage()), summary: { steps: 3 } };
      expect((await look(outputs)).found).toEqual(outputs);
    });

    test.each([
      ['of another stage', { stage: 'selection' }, 'the artifact was made by selection 1, not by training 1'],
      ['of another version', { stageVersion: 2 }, 'the artifact was made by training 2, not by training 1'],
      ['of another corpus', { digest: sha256('another corpus') }, 'the artifact was made from others than the key says'],
    ])('is dropped with one of an earlier version %s', async (_what, more, why) => {
      const { found, dropped } = await look({ ref: await published(lineage(more)), summary: { steps: 3 } });
      expect(found).toBeUndefined();
      expect(dropped).toEqual([expect.stringContaining(why)]);
    });

    test.each(['digest', 'size', 'summary'])('is dropped where its %s is not the artifact’s, which later keys and stages go by', async (what) => {
      const ref = await published(lineage({ key }));
      const changed = { digest: { ref: { ...ref, digest: sha256('else') } }, size: { ref: { ...ref, size: 7 } }, summary: { summary: { steps: 4 } } }[what];
      const { found, dropped } = await look({ ref, summary: { steps: 3 }, ...changed });
      expect(found).toBeUndefined();
      expect(dropped).toEqual([expect.stringContaining('than the')]);
    });

    test('gives way to the stage’s own result, which was computed meanwhile', async () => {
      const forged = { ref: await published(lineage({ key: sha256('another stage') })), summary: { steps: 3 } };
      await fresh().blobs.putIfAbsent(`stages/${key}.json`, Buffer.from(canonicalJson(forged)));
      const ours = { ref: await published(lineage({ key })), summary: { steps: 3 } };
      expect(await fresh().record(key, ours)).toEqual(ours);
      expect(await fresh().find(key)).toEqual(ours);
    });
  });

  test('a reference that says another digest than its artifact’s is not opened: keys are made of the one, results of the other', async () => {
    const ref = await fresh().publish(await input({ a: 'x' }));
    await expect(fresh().open({ ...ref, digest: sha256('y') })).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining(`the reference to it says ${sha256('y')}`) });
  });
});
