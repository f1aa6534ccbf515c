import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readRowIds, rowIdFiles } from '../../lib/data/index.js';
import { temporaryFolder } from './temporary.js';

async function idsIn(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): Promise<{ readonly folder: string; ids(): Promise<readonly string[]> }> {
  const folder = path.join(await temporaryFolder(), 'ids [v2]');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), /\.gz$/i.test(name) ? gzipSync(text) : text);
  }
  for (const [name, to] of Object.entries(links)) await symlink(to, path.join(folder, name));
  return { folder, ids: async () => [...(await readRowIds(await rowIdFiles({ path: folder, folder: '/' })))] };
}
const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((read) => ({ read }), (error: unknown) => error);

test('a folder’s files of ids, in capitals too, through links and each once; a card and hidden files are none', async () => {
  const { ids } = await idsIn({ 'a.txt': 's:000000001\n', 'sub/B.JSONL.GZ': '{"id": "s:000000002"}\n', 'README.md': 'a card', '._a.txt': '\0', '.git/x.txt': 's:9' }, { 'sub/up': '..', 'again.txt': 'a.txt' });
  expect(await ids()).toEqual(['s:000000001', 's:000000002']);
});

test('a link that leads nowhere and a part that is not there are errors', async () => {
  const broken = await idsIn({ 'a.txt': 's:1' }, { 'b.txt': 'gone' });
  expect(await failure(broken.ids())).toMatchObject({ code: 'DataInvalid', where: path.join(broken.folder, 'b.txt') });
  const gap = await idsIn({ 'selected-00000-of-00003.txt': 's:1', 'selected-00002-of-00003.txt': 's:3' });
  expect(await failure(gap.ids())).toMatchObject({ code: 'DataInvalid', where: 'selection.from', message: expect.stringContaining('selected-00001-of-00003.txt') as string });
  await rm(path.join(gap.folder, 'selected-00002-of-00003.txt'));
  expect((await readRowIds(await rowIdFiles({ path: 'selected-00000-of-00003.txt', folder: gap.folder }))).size).toBe(1);
});

test.each(['a?b', 'p*q', 'r[st]'])('a file of ids in a folder called %s is that file alone', async (name) => {
  const root = await temporaryFolder();
  for (const [folder, id] of [[name, 's:1'], [name.replace(/\?|\*|\[st\]/, 's'), 's:2']]) {
    await mkdir(path.join(root, folder));
    await writeFile(path.join(root, folder, 'ids.txt'), `${id}\n`);
  }
  expect([...(await readRowIds(await rowIdFiles({ path: 'ids.txt', folder: path.join(root, name) })))]).toEqual(['s:1']);
  expect([...(await readRowIds(await rowIdFiles({ path: `${name}/ids.txt`, folder: root })))]).toEqual(['s:1']);
});

test('a file of ids that a link leads to, nowhere, is told by the link', async () => {
  const root = await temporaryFolder();
  await symlink('gone', path.join(root, 'ids.txt'));
  expect(await failure(rowIdFiles({ path: 'ids.txt', folder: root }))).toMatchObject({ code: 'DataInvalid', where: path.join(root, 'ids.txt'), message: expect.stringContaining('leads nowhere (to gone)') as string });
});
