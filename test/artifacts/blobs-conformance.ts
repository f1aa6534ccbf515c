import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Blobs } from '../../lib/artifacts/index.js';

export interface OpenedBlobs {
  /** an empty place */
  readonly blobs: Blobs;
  /** a second client of the same place, sharing nothing in memory */
  another(): Blobs;
  close(): Promise<void>;
}

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

/** What every backend of Blobs promises; `file:` and `s3:` run it alike. */
export function blobsConformance(name: string, open: () => Promise<OpenedBlobs>): void {
  describe(`blobs over ${name}`, () => {
    let opened: OpenedBlobs;
    let scratch = '';
    const read = async (key: string): Promise<string> => readFile(await opened.another().localFile(key), 'utf8');
    beforeEach(async () => {
      opened = await open();
      scratch = await mkdtemp(path.join(os.tmpdir(), 'bliss-conformance-'));
    });
    afterEach(async () => {
      await opened.close();
      await rm(scratch, { recursive: true, force: true });
    });

    test('a key holds the bytes put first; a second put says false and changes nothing', async () => {
      expect(await opened.blobs.putIfAbsent('a/b/c.txt', text('first'))).toBe(true);
      expect(await opened.another().putIfAbsent('a/b/c.txt', text('second'))).toBe(false);
      expect(await read('a/b/c.txt')).toBe('first');
    });

    test('content from a file is copied: neither file nor blob changes with the other', async () => {
      const file = path.join(scratch, 'source');
      await writeFile(file, 'from a file');
      expect(await opened.blobs.putIfAbsent('k', { file })).toBe(true);
      await writeFile(file, 'changed after');
      expect(await read('k')).toBe('from a file');
      expect(await opened.blobs.putIfAbsent('k', { file })).toBe(false);
      expect(await read('k')).toBe('from a file');
      expect(await readFile(file, 'utf8')).toBe('changed after');
    });

    test('content from a file that is given has the same effect, and the file may go', async () => {
      const file = path.join(scratch, 'given');
      await writeFile(file, 'from a file');
      expect(await opened.blobs.putIfAbsent('k', { file, given: true })).toBe(true);
      await rm(file);
      expect(await read('k')).toBe('from a file');
      await writeFile(file, 'another');
      expect(await opened.blobs.putIfAbsent('k', { file, given: true })).toBe(false);
      expect(await read('k')).toBe('from a file');
      await expect(opened.blobs.putIfAbsent('l', { file: path.join(scratch, 'no such file'), given: true })).rejects.toThrow('no such file');
    });

    test('an empty blob is a blob', async () => {
      expect(await opened.blobs.putIfAbsent('empty', new Uint8Array())).toBe(true);
      expect(await opened.blobs.list('')).toEqual([{ key: 'empty', size: 0 }]);
      expect(await opened.blobs.getRange('empty', 0, 10)).toHaveLength(0);
    });

    test('ranges are half-open and end with the blob', async () => {
      await opened.blobs.putIfAbsent('digits', text('0123456789'));
      const range = async (start: number, end: number): Promise<string> => new TextDecoder().decode(await opened.blobs.getRange('digits', start, end));
      expect(await range(0, 10)).toBe('0123456789');
      expect(await range(3, 5)).toBe('34');
      expect(await range(3, 3)).toBe('');
      expect(await range(8, 100)).toBe('89');
      expect(await range(10, 12)).toBe('');
      expect(await range(50, 60)).toBe('');
      await expect(opened.blobs.getRange('digits', 5, 3)).rejects.toThrow(RangeError);
      await expect(opened.blobs.getRange('digits', -1, 3)).rejects.toThrow(RangeError);
    });

    test('list gives keys with sizes under a prefix of the text, sorted, and only those', async () => {
      for (const [key, content] of [['b/2', 'xx'], ['a/1', 'x'], ['b/10', ''], ['b0/1', 'xxx'], ['bc', 'y'], ['b/d/e', 'z']] as const) await opened.blobs.putIfAbsent(key, text(content));
      const keys = async (prefix: string): Promise<string[]> => (await opened.another().list(prefix)).map(({ key }) => key);
      expect(await opened.blobs.list('b/')).toEqual([{ key: 'b/10', size: 0 }, { key: 'b/2', size: 2 }, { key: 'b/d/e', size: 1 }]);
      expect(await keys('b')).toEqual(['b/10', 'b/2', 'b/d/e', 'b0/1', 'bc']);
      expect(await keys('b/d')).toEqual(['b/d/e']);
      expect(await keys('b/1')).toEqual(['b/10']);
      expect(await keys('')).toEqual(['a/1', 'b/10', 'b/2', 'b/d/e', 'b0/1', 'bc']);
      expect(await keys('nothing/here/')).toEqual([]);
    });

    test('a key deleted is gone and may be put anew; deleting what is absent is fine', async () => {
      await opened.blobs.putIfAbsent('a/b', text('1'));
      await opened.another().delete('a/b');
      await opened.blobs.delete('a/b');
      await opened.blobs.delete('never/was');
      expect(await opened.blobs.list('')).toEqual([]);
      expect(await opened.blobs.putIfAbsent('a/b', text('2'))).toBe(true);
      expect(await read('a/b')).toBe('2');
    });

    test('what is absent is ArtifactMissing, naming the key', async () => {
      await opened.blobs.putIfAbsent('a/b', text('1'));
      for (const key of ['a', 'a/c', 'a/b/c', 'x/y/z']) {
        await expect(opened.blobs.getRange(key, 0, 1)).rejects.toMatchObject({ code: 'ArtifactMissing', where: key });
        await expect(opened.blobs.localFile(key)).rejects.toMatchObject({ code: 'ArtifactMissing', where: key });
      }
    });

    test.each(['', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', '.hidden', 'a/.tmp-1', 'a\\b', 'a b', 'ä', 'a\0b', ])('the key %j is refused', (key) => refuses(key));
    test('a key with a segment over 200 bytes, or of over 1,024 in all, is refused', async () => {
      await refuses('x'.repeat(201));
      await refuses(Array(12).fill('y'.repeat(99)).join('/'));
    });
    async function refuses(key: string): Promise<void> {
      await expect(opened.blobs.putIfAbsent(key, text('x'))).rejects.toMatchObject({ code: 'DataInvalid' });
      await expect(opened.blobs.getRange(key, 0, 1)).rejects.toMatchObject({ code: 'DataInvalid' });
      await expect(opened.blobs.delete(key)).rejects.toMatchObject({ code: 'DataInvalid' });
      expect(await opened.blobs.list('')).toEqual([]);
    }

    test('of writers at once exactly one wins, and all read what it wrote', async () => {
      const contents = Array.from({ length: 16 }, (_, i) => `${i}`.repeat(50_000));
      const won = await Promise.all(contents.map((content, i) => (i % 2 === 0 ? opened.blobs : opened.another()).putIfAbsent('race/key', text(content))));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await read('race/key')).toBe(contents[won.indexOf(true)]);
    });

    test('putting beside deleting in one folder loses nothing', async () => {
      await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        await opened.blobs.putIfAbsent(`busy/${i}/x`, text(`${i}`));
        await opened.blobs.delete(`busy/${i}/x`);
        expect(await opened.blobs.putIfAbsent(`busy/${i}/x`, text(`again ${i}`))).toBe(true);
      }));
      expect(await opened.blobs.list('busy/')).toHaveLength(20);
      expect(await read('busy/7/x')).toBe('again 7');
    });
  });
}
