import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFolderAtomic } from '../../lib/artifacts/index.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bliss-folder-'));
});
afterEach(() => rm(root, { recursive: true }));

test('a folder has its name when it is whole, not before', async () => {
  const to = path.join(root, 'a', 'b');
  const answer = await writeFolderAtomic({
    to,
    write: async (beside) => {
      await mkdir(path.join(beside, 'within'));
      await writeFile(path.join(beside, 'within', 'file'), 'text');
      expect(path.dirname(beside)).toBe(path.dirname(to));
      expect(await readdir(path.dirname(to))).toEqual([path.basename(beside)]);
      return 7;
    },
  });
  expect(answer).toBe(7);
  expect(await readdir(path.dirname(to))).toEqual(['b']);
  expect(await readFile(path.join(to, 'within', 'file'), 'utf8')).toBe('text');
});

test('what fails leaves nothing', async () => {
  const write = async (beside: string): Promise<never> => {
    await writeFile(path.join(beside, 'file'), 'half');
    throw new Error('it broke');
  };
  await expect(writeFolderAtomic({ to: path.join(root, 'a'), write })).rejects.toThrow('it broke');
  expect(await readdir(root)).toEqual([]);
});

test('what is there stays, also where it came meanwhile', async () => {
  const to = path.join(root, 'a');
  const write = async (): Promise<void> => writeFile(to, 'another’s');
  await expect(writeFolderAtomic({ to, write })).rejects.toMatchObject({ code: 'Usage', where: to });
  await expect(writeFolderAtomic({ to, write: async () => expect.fail('it was not asked') })).rejects.toMatchObject({ code: 'Usage', where: to });
  expect(await readdir(root)).toEqual(['a']);
  expect(await readFile(to, 'utf8')).toBe('another’s');
});
