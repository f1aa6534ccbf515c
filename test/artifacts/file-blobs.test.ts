import { execFileSync } from 'node:child_process';
import { rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileBlobs, openStore, sha256, writeFileAtomic } from '../../lib/artifacts/index.js';
import { mountSmall } from '../needs/machine.js';
import { leaveOut } from '../needs/needs.js';
import { blobsConformance } from './blobs-conformance.js';

blobsConformance('files', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-blobs-'));
  return { blobs: fileBlobs({ root }), another: () => fileBlobs({ root }), close: () => rm(root, { recursive: true, force: true }) };
});

describe('files of killed writers', () => {
  let root = '';
  beforeEach(async () => { root = await mkdtemp(path.join(os.tmpdir(), 'bliss-blobs-')); });
  afterEach(async () => { await rm(root, { recursive: true, force: true }); });

  test('are not seen, are left while young and removed when old', async () => {
    await mkdir(path.join(root, 'a'));
    const young = path.join(root, 'a', '.tmp-1-young');
    const old = path.join(root, 'a', '.tmp-1-old');
    for (const file of [young, old]) await writeFile(file, 'half');
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    await utimes(old, twoDaysAgo, twoDaysAgo);
    const blobs = fileBlobs({ root });
    await blobs.putIfAbsent('a/whole', Buffer.from('whole'));
    expect(await blobs.list('')).toEqual([{ key: 'a/whole', size: 5 }]);
    expect((await readdir(path.join(root, 'a'))).sort()).toEqual(['.tmp-1-young', 'whole']);
  });

  test('a put that worked leaves no temporary, nor does one that failed', async () => {
    const blobs = fileBlobs({ root });
    await blobs.putIfAbsent('a/b', Buffer.from('x'));
    await blobs.putIfAbsent('a/b', Buffer.from('y'));
    await expect(blobs.putIfAbsent('a/c', { file: path.join(root, 'no such file') })).rejects.toThrow('no such file');
    expect(await readdir(path.join(root, 'a'))).toEqual(['b']);
  });
});

test('a key that is the folder of another, or has one for a folder, is refused; S3 could hold both', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-blobs-'));
  const blobs = fileBlobs({ root });
  await blobs.putIfAbsent('a/b', Buffer.from('x'));
  await expect(blobs.putIfAbsent('a', Buffer.from('y'))).rejects.toMatchObject({ code: 'DataInvalid' });
  await expect(blobs.putIfAbsent('a/b/c', Buffer.from('y'))).rejects.toMatchObject({ code: 'DataInvalid' });
  await blobs.delete('a');
  expect(await blobs.list('')).toEqual([{ key: 'a/b', size: 1 }]);
  await rm(root, { recursive: true });
});

describe('a full disk', () => {
  test('is DiskFull with the fix, leaves nothing behind, and the same put works once there is room', async (context) => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-small-'));
    mountSmall({ context, folder: root, size: '256k', cleanUp: () => rmdirSync(root) });
    const outside = await mkdtemp(path.join(os.tmpdir(), 'bliss-outside-'));
    try {
      await writeFile(path.join(root, 'ballast'), new Uint8Array(150_000));
      await writeFile(path.join(outside, 'weights.bin'), new Uint8Array(200_000).fill(7));
      const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
      const input = { kind: 'state', folder: outside, digest: sha256('x'), lineage: { stage: 's', stageVersion: 1, inputs: {} }, summary: {} };
      await expect(store.publish(input)).rejects.toMatchObject({ code: 'DiskFull', retryable: true, fix: expect.stringContaining('free some space') });
      await expect(store.blobs.putIfAbsent('big', new Uint8Array(200_000))).rejects.toMatchObject({ code: 'DiskFull', where: path.join(root, 'store', 'big') });
      await expect(writeFileAtomic(path.join(root, 'report.html'), new Uint8Array(200_000))).rejects.toMatchObject({ code: 'DiskFull', where: path.join(root, 'report.html') });
      const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name);
      expect(files).toEqual(['ballast']);
      await rm(path.join(root, 'ballast'));
      const artifact = await store.open(await store.publish(input));
      expect(await readFile(await artifact.file('weights.bin'))).toHaveLength(200_000);
    } finally {
      execFileSync('umount', [root]);
      await rm(root, { recursive: true });
      await rm(outside, { recursive: true });
    }
  });
});

describe('a file that is given', () => {
  test('becomes the blob on the same file system, and is copied from another', async (context) => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-blobs-'));
    const elsewhere = await mkdtemp(path.join('/dev/shm', 'bliss-blobs-')).catch(() => undefined);
    try {
      const blobs = fileBlobs({ root });
      const here = path.join(root, 'here');
      await writeFile(here, 'here');
      await blobs.putIfAbsent('a/here', { file: here, given: true });
      expect((await stat(path.join(root, 'a', 'here'))).ino).toBe((await stat(here)).ino);
      if (elsewhere === undefined || (await stat(elsewhere)).dev === (await stat(root)).dev) leaveOut(context, { need: 'second-file-system', why: '/dev/shm is no other file system' });
      const there = path.join(elsewhere, 'there');
      await writeFile(there, 'there');
      expect(await blobs.putIfAbsent('a/there', { file: there, given: true })).toBe(true);
      expect(await readFile(path.join(root, 'a', 'there'), 'utf8')).toBe('there');
      expect((await readdir(path.join(root, 'a'))).sort()).toEqual(['here', 'there']);
    } finally {
      for (const folder of [root, elsewhere]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    }
  });
});
