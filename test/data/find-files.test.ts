import { chmod, link, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dataSchema, heldOutSchema } from '../../config/sections/data.js';
import { checkSourceFiles, resolveFiles } from '../../lib/data/sources/index.js';
import { temporaryFolder } from './temporary.js';

/** Files of nothing by path. */
async function filesIn(folder: string, names: readonly string[]): Promise<string> {
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), '');
  }
  return folder;
}
const made = async (...names: string[]): Promise<string> => filesIn(await temporaryFolder(), names);

/** Root may read everything. */
async function asAnyUser(act: () => Promise<void>): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

/** Names and paths that patterns come to, as a source of files has them. */
async function find(folder: string, ...paths: string[]): Promise<{ readonly names: readonly string[]; readonly paths: readonly string[] }> {
  const files = await resolveFiles({ paths, format: 'auto', folder, field: 'paths', folders: {} });
  return { names: files.map(({ name }) => name), paths: files.map((file) => path.relative(folder, file.path)) };
}
const paths = async (folder: string, ...patterns: string[]): Promise<readonly string[]> => (await find(folder, ...patterns)).paths;
const failure = (found: Promise<unknown>): Promise<unknown> => found.then((read) => ({ read }), (error: unknown) => error);

describe('a glob', () => {
  test('sees what a shell’s does: links to folders, no name with a dot unless its part has one', async () => {
    const folder = await made('corpus/a/x.jsonl', 'elsewhere/b/x.jsonl', 'corpus/a/._x.jsonl', 'corpus/.git/x.jsonl', 'corpus/.cache/y/x.jsonl', 'corpus/a/x.txt');
    await symlink('../elsewhere/b', path.join(folder, 'corpus/b'));
    for (const pattern of ['corpus/*/*.jsonl', 'corpus/**/*.jsonl', 'corpus/[ab]/x.jsonl', 'corpus/?/x.jsonl', 'c*/[!c]/x.j*']) expect(await paths(folder, pattern), pattern).toEqual(['corpus/a/x.jsonl', 'corpus/b/x.jsonl']);
    expect(await paths(folder, 'corpus/**')).toEqual(['corpus/a/x.jsonl', 'corpus/a/x.txt', 'corpus/b/x.jsonl']);
    expect(await paths(folder, 'corpus/a/.*.jsonl')).toEqual(['corpus/a/._x.jsonl']);
    expect(await paths(folder, 'corpus/.*/*.jsonl')).toEqual(['corpus/.git/x.jsonl']);
  });

  test('signs of regular expressions are themselves, in brackets too', async () => {
    const folder = await made('a+(b)^$|{c}.jsonl', 'a-.jsonl', 'a].jsonl', 'a\\.jsonl', 'a1.jsonl', 'aé.jsonl', 'a😀.jsonl');
    expect(await paths(folder, 'a+(b)^$|{c}.json*')).toEqual(['a+(b)^$|{c}.jsonl']);
    expect(await paths(folder, 'a[]-].jsonl')).toEqual(['a-.jsonl', 'a].jsonl']);
    expect(await paths(folder, 'a[\\d].jsonl')).toEqual(['a\\.jsonl']);
    expect(await paths(folder, 'a[^a-z0-9].jsonl')).toHaveLength(5);
    expect(await paths(folder, 'a?.jsonl')).toHaveLength(6);
    expect(await failure(paths(folder, 'a[9-1].jsonl'))).toMatchObject({ code: 'DataInvalid', where: 'paths', message: expect.stringContaining('a[9-1].jsonl is no pattern') as string });
  });

  test('only what the user wrote is a pattern, never the folder of the configuration', async () => {
    const folder = await filesIn(path.join(await temporaryFolder(), 'run [v2] *?'), ['corpus-0.jsonl', 'sub/corpus-1.jsonl']);
    expect(await paths(folder, 'corpus-*.jsonl', '**/corpus-1.jsonl')).toEqual(['corpus-0.jsonl', 'sub/corpus-1.jsonl']);
    // brackets that are the name of something are that, also where a program put the folder before the pattern
    const brackets = await filesIn(path.join(await temporaryFolder(), 'run [v2]'), ['corpus-0.jsonl', 'part[1].jsonl', 'part1.jsonl', 'a/data [x]/y.jsonl']);
    expect(await paths('/', `${brackets}/corpus-*.jsonl`)).toEqual([path.join(brackets, 'corpus-0.jsonl').slice(1)]);
    expect(await paths(brackets, 'part[1].jsonl')).toEqual(['part[1].jsonl']);
    expect(await paths(brackets, '*/data [x]/*.jsonl', '*/data [x]/*')).toEqual(['a/data [x]/y.jsonl']);
    await rm(path.join(brackets, 'part[1].jsonl'));
    expect(await paths(brackets, 'part[1].jsonl')).toEqual(['part1.jsonl']);
  });
});

describe('each real file is taken once', () => {
  test('whatever circles of links lead to it, and under the name without links', async () => {
    const folder = await made('corpus/x.jsonl', 'corpus/sub/y.jsonl', 'corpus/zz/real/w.jsonl');
    await symlink('.', path.join(folder, 'corpus/latest'));
    await symlink('..', path.join(folder, 'corpus/sub/up'));
    await symlink('x.jsonl', path.join(folder, 'corpus/a-link.jsonl'));
    await symlink('zz/real', path.join(folder, 'corpus/aa'));
    const all = ['corpus/sub/y.jsonl', 'corpus/x.jsonl', 'corpus/zz/real/w.jsonl'];
    for (const pattern of ['corpus', 'corpus/**/*.jsonl', 'corpus/**']) expect(await paths(folder, pattern), pattern).toEqual(all);
    expect(await paths(folder, 'corpus/a-link.jsonl', 'corpus/*.jsonl', 'corpus')).toEqual(['corpus/a-link.jsonl', 'corpus/sub/y.jsonl', 'corpus/zz/real/w.jsonl']);
    // a second name without a link is a second file
    await link(path.join(folder, 'corpus/x.jsonl'), path.join(folder, 'corpus/copy.jsonl'));
    expect(await paths(folder, 'corpus')).toHaveLength(4);
  });

  test('the hub’s cache: every name is a link', async () => {
    const folder = await made('blobs/0a', 'blobs/1b');
    await mkdir(path.join(folder, 'snapshots'));
    await symlink('../blobs/0a', path.join(folder, 'snapshots/train-00000-of-00002.jsonl'));
    await symlink('../blobs/1b', path.join(folder, 'snapshots/train-00001-of-00002.jsonl'));
    for (const pattern of ['snapshots', 'snapshots/*.jsonl']) expect(await paths(folder, pattern)).toEqual(['snapshots/train-00000-of-00002.jsonl', 'snapshots/train-00001-of-00002.jsonl']);
  });
});

describe('names begin where the source does', () => {
  test('at a file’s folder, a folder, the fixed part of a glob', async () => {
    const folder = await made('deep/in/corpus/web/a.jsonl', 'deep/in/corpus/web/2/b.jsonl');
    const corpus = 'deep/in/corpus';
    expect((await find(folder, `${corpus}/web/a.jsonl`)).names).toEqual(['a.jsonl']);
    expect((await find(folder, corpus)).names).toEqual(['web/2/b.jsonl', 'web/a.jsonl']);
    expect((await find(folder, `${corpus}/web/`)).names).toEqual(['2/b.jsonl', 'a.jsonl']);
    expect((await find(folder, `${corpus}/w*/*.jsonl`)).names).toEqual(['web/a.jsonl']);
    expect((await find(folder, `${corpus}/web/**/*.jsonl`)).names).toEqual(['2/b.jsonl', 'a.jsonl']);
    expect((await find('/', path.join(folder, `${corpus}/web/*.jsonl`))).names).toEqual(['a.jsonl']);
    expect((await find(folder, `${corpus}/web/a.jsonl`, `${corpus}/web/2`)).names).toEqual(['a.jsonl', 'b.jsonl']);
  });

  test('where two would be called alike, at the folder that all have in common', async () => {
    const folder = await made('deep/a/x.jsonl', 'deep/b/x.jsonl', 'deep/b/y.jsonl');
    expect((await find(folder, 'deep/a/x.jsonl', 'deep/b')).names).toEqual(['a/x.jsonl', 'b/x.jsonl', 'b/y.jsonl']);
    expect((await find(folder, 'deep/a/*.jsonl', 'deep/b/y.jsonl')).names).toEqual(['x.jsonl', 'y.jsonl']);
  });
});

describe('what cannot be read is one error that names it', () => {
  test.each([['a folder', 'corpus'], ['a glob', 'corpus/*.jsonl'], ['a glob of folders', '*/**/*.jsonl']])('a link that leads nowhere, or round: %s', async (_, pattern) => {
    const folder = await made('corpus/a.jsonl');
    const broken = path.join(folder, 'corpus/b.jsonl');
    await symlink('../blobs/b', broken);
    expect(await failure(paths(folder, pattern))).toMatchObject({ code: 'DataInvalid', where: broken, message: expect.stringContaining('leads nowhere (to ../blobs/b)') as string });
    await rm(broken);
    await symlink('b.jsonl', broken);
    expect(await failure(paths(folder, pattern))).toMatchObject({ where: broken });
  });

  test('a link that is named itself, or on the way to what is named', async () => {
    const folder = await made('corpus/a.jsonl');
    await symlink('gone.jsonl', path.join(folder, 'x.jsonl'));
    await symlink('nowhere', path.join(folder, 'lnk'));
    expect(await failure(paths(folder, 'x.jsonl'))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'x.jsonl'), message: expect.stringContaining('leads nowhere (to gone.jsonl)') as string });
    for (const named of ['lnk', 'lnk/a.jsonl', 'lnk/*.jsonl']) expect(await failure(paths(folder, named)), named).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'lnk') });
    expect(await failure(paths(folder, 'corpus/b.jsonl'))).toMatchObject({ where: 'paths', message: expect.stringContaining('there is no file') as string });
  });

  test('a link to a folder that is not there, in the middle of a glob; what no pattern asks for is left alone', async () => {
    const folder = await made('corpus/a/x.jsonl', 'corpus/b.jsonl');
    await symlink('../gone', path.join(folder, 'corpus/c'));
    expect(await failure(paths(folder, 'corpus/*/x.jsonl'))).toMatchObject({ where: path.join(folder, 'corpus/c') });
    await symlink('gone.jsonl', path.join(folder, 'corpus/a/y.jsonl'));
    for (const pattern of ['*/a/y.jsonl', '**/y.jsonl']) expect(await failure(paths(folder, pattern)), pattern).toMatchObject({ where: path.join(folder, 'corpus', pattern.startsWith('**') ? 'c' : 'a/y.jsonl') });
    await rm(path.join(folder, 'corpus/a/y.jsonl'));
    expect(await paths(folder, 'corpus/*.jsonl', 'corpus/[ab]/*')).toEqual(['corpus/b.jsonl', 'corpus/a/x.jsonl']);
  });

  test('what is neither file nor folder is passed over in a folder, and refused where it is named', async () => {
    const folder = await made('corpus/a.jsonl');
    await symlink('/dev/null', path.join(folder, 'corpus/b.jsonl'));
    for (const pattern of ['corpus', 'corpus/*', 'corpus/**/*.jsonl']) expect(await paths(folder, pattern), pattern).toEqual(['corpus/a.jsonl']);
    expect(await failure(paths(folder, 'corpus/b.jsonl'))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('is no file that can be read twice') as string });
  });

  test('a name that is no UTF-8', async () => {
    const folder = await made('corpus/a.jsonl');
    const name = Buffer.concat([Buffer.from(`${folder}/corpus/caf`), Buffer.of(0xe9), Buffer.from('.jsonl')]);
    await writeFile(name, '');
    for (const pattern of ['corpus', 'corpus/*.jsonl']) expect(await failure(paths(folder, pattern))).toMatchObject({ code: 'DataInvalid', where: `${folder}/corpus/caf\\xe9.jsonl`, message: expect.stringContaining('no UTF-8') as string });
    expect(await paths(folder, 'corpus/a*')).toEqual(['corpus/a.jsonl']);
    await rm(name);
    // a name may hold the sign that stands for such bytes
    await writeFile(path.join(folder, 'corpus/\uFFFD.jsonl'), '');
    expect(await paths(folder, 'corpus')).toHaveLength(2);
  });

  test('a file of a packer that is not read, beside others of its folder', async () => {
    const folder = await made('corpus/a.jsonl', 'corpus/b.jsonl.xz', 'corpus/picture.zip');
    expect(await failure(paths(folder, 'corpus'))).toMatchObject({ where: path.join(folder, 'corpus/b.jsonl.xz'), message: expect.stringContaining('packed as .xz, which is not read') as string });
  });

  test('a folder without permission', async () => {
    const folder = await made('corpus/sub/a.jsonl');
    await chmod(folder, 0o755);
    await chmod(path.join(folder, 'corpus/sub'), 0);
    await asAnyUser(async () => {
      for (const pattern of ['corpus', 'corpus/*/*.jsonl']) expect(await failure(paths(folder, pattern))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'corpus/sub'), message: expect.stringContaining('EACCES') as string });
      expect(await failure(paths(folder, 'corpus/sub/a.jsonl'))).toMatchObject({ code: 'DataInvalid', message: expect.stringMatching(/a\.jsonl cannot be read \(EACCES/) as string });
    });
    await chmod(path.join(folder, 'corpus/sub'), 0o755);
    await chmod(path.join(folder, 'corpus/sub/a.jsonl'), 0);
    const { sources } = dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'files', name: 'mine', paths: ['corpus'] }] });
    const heldOut = heldOutSchema.parse({ source: { type: 'demo' } });
    await asAnyUser(async () => {
      expect(await failure(checkSourceFiles({ data: { sources }, heldOut, configFolder: folder }))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'corpus/sub/a.jsonl'), message: expect.stringContaining('cannot be read (EACCES)') as string });
    });
  });
});

describe('parts that say how many they are', () => {
  const parts = (numbers: readonly number[], of: number, name = 'train-N.jsonl'): string[] => numbers.map((n) => `corpus/${name.replace('N', `${String(n).padStart(5, '0')}-of-${String(of).padStart(5, '0')}`)}`);

  test('are all there, from 0 or from 1, or those that are not are named', async () => {
    for (const all of [parts([0, 1, 2], 3), parts([1, 2, 3], 3), [...parts([0], 1), ...parts([0, 1], 2, 'c4-test.N.json.gz')]]) expect(await paths(await made(...all), 'corpus/*')).toHaveLength(3);
    const folder = await made(...parts([0, 1, 3], 8));
    const missing = expect.stringMatching(/of 8 parts 5 are not there: \S+corpus\/train-00002-of-00008\.jsonl, \S+00004-of-00008\.jsonl, \S+00005-of-00008\.jsonl and 2 more/) as string;
    for (const pattern of ['corpus', 'corpus/*.jsonl', 'corpus/train-*-of-00008.jsonl', '**']) expect(await failure(paths(folder, pattern)), pattern).toMatchObject({ code: 'DataInvalid', where: 'paths', message: missing });
  });

  test('where a glob matches no other, or files are named one by one, those are meant', async () => {
    const folder = await made(...parts([0, 1, 3], 1024));
    expect(await paths(folder, 'corpus/train-0000[013]-*.jsonl')).toHaveLength(3);
    expect(await paths(folder, ...parts([0, 3], 1024))).toHaveLength(2);
    expect(await failure(paths(folder, 'corpus/train-0000?-*.jsonl'))).toMatchObject({ message: expect.stringContaining('of 1024 parts 7 are not there') as string });
  });
});
