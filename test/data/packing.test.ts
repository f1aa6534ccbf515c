import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fileBytes } from '../../lib/data/sources/bytes.js';
import { Xxh64 } from '../../lib/data/sources/xxh64.js';
import { randomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';

async function read(name: string, bytes: Uint8Array): Promise<Buffer> {
  const file = path.join(await temporaryFolder(), name);
  await writeFile(file, bytes);
  return Buffer.concat(await collect(fileBytes(file)));
}
const failure = (reading: Promise<Uint8Array>): Promise<unknown> => reading.then((bytes) => ({ bytes: bytes.length }), (error: unknown) => error);

/** Text that does not pack to nothing. */
function text(seed: string, words: number): Buffer {
  const random = randomStream(seed);
  return Buffer.from(Array.from({ length: words }, () => random.below(100_000).toString(36)).join(' '));
}

describe('gzip', () => {
  const members = [text('one', 4_000), text('two', 4_000)];
  const [first, second] = members.map((member) => gzipSync(member));

  test('all members, and zeros that pad them, as gzip(1) takes them', async () => {
    for (const padding of [0, 1, 512, 300_000]) expect((await read('a.gz', Buffer.concat([first, second, Buffer.alloc(padding)]))).equals(Buffer.concat(members)), String(padding)).toBe(true);
  });

  test('a member with any byte of its beginning damaged, or something appended, is an error and no shorter text', async () => {
    for (let at = 0; at < 3; at++) {
      for (const value of [0, 0x20, 0xff]) {
        const damaged = Buffer.concat([first, second]);
        damaged[first.length + at] = value;
        expect(await failure(read('a.jsonl.gz', damaged)), `${at} ${value}`).toMatchObject({ code: 'DataCorrupt', where: expect.stringMatching(/a\.jsonl\.gz$/) as string });
      }
    }
    const damaged = Buffer.concat([first, second]);
    damaged[first.length] = 0;
    expect(await failure(read('a.gz', damaged))).toMatchObject({ message: expect.stringContaining(`the gzip stream ends at byte ${first.length}, and something else follows at byte ${first.length + 1}`) as string });
    for (const more of ['more', '\0\0\0more']) expect(await failure(read('a.gz', Buffer.concat([first, Buffer.from(more)])))).toMatchObject({ code: 'DataCorrupt' });
    expect(await failure(read('a.gz', first.subarray(0, -1)))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('cut off') as string });
    expect(await failure(read('a.gz', new Uint8Array(0)))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('cut off') as string });
  });

  test('wherever members end in the pieces that a file is read in', async () => {
    const piece = 1 << 18;
    const begin = 1 << 14;
    const noise = Buffer.from(Array.from({ length: piece + begin }, ((random) => () => random.below(256))(randomStream('noise'))));
    for (const end of [begin - 1, begin, begin + 1, begin + piece - 1, begin + piece, begin + piece + 1]) {
      // stored blocks have headers of their own, so the length of the content is found by trying
      let content = noise.subarray(0, end - 23);
      let member = gzipSync(content, { level: 0 });
      content = noise.subarray(0, content.length + end - member.length);
      member = gzipSync(content, { level: 0 });
      expect(member).toHaveLength(end);
      expect(await read('a.gz', Buffer.concat([member, second]))).toHaveLength(content.length + members[1].length);
      expect(await read('a.gz', Buffer.concat([member, Buffer.alloc(2 * piece)]))).toHaveLength(content.length);
      const damaged = Buffer.concat([member, second]);
      damaged[end] = 0;
      expect(await failure(read('a.gz', damaged)), String(end)).toMatchObject({ code: 'DataCorrupt' });
    }
  });
});

describe('zstd', () => {
  const small = Buffer.from('one line\n'.repeat(9));
  /** `small` by zstd 1.5, with a checksum and without */
  const checked = Buffer.from('KLUv/QRYhQAASG9uZSBsaW5lCgEARbQcAUSkB+I=', 'base64');
  const unchecked = Buffer.from('KLUv/QBYhQAASG9uZSBsaW5lCgEARbQcAQ==', 'base64');
  /** 640,000 bytes in five blocks by zstd -19, and by --long=31 */
  const large = Buffer.from('0123456789abcdef'.repeat(40_000));
  const blocks = Buffer.from('KLUv/QRoxAAAgDAxMjM0NTY3ODlhYmNkZWYBANr/J59LRAAAAAEA/f+TTyBEAAAAAQD9/zkAAkQAAAABAP3/OQACRQAAAAEA/cM5AAIXaiMz', 'base64');
  const long = Buffer.from('KLUv/QSoxAAAgDAxMjM0NTY3ODlhYmNkZWYBANr/J59LRAAAAAEA/f+TTyBEAAAAAQD9/zkAAkQAAAABAP3/OQACRQAAAAEA/cM5AAIXaiMz', 'base64');
  const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('aside')]);

  test('frames one after the other, with checksums and without, and those that hold no data', async () => {
    for (const frames of [[checked], [unchecked], [checked, unchecked, checked], [skippable, checked, skippable, unchecked, skippable]]) {
      const content = frames.flatMap((frame) => (frame === skippable ? [] : [small]));
      expect((await read('a.zst', Buffer.concat(frames))).equals(Buffer.concat(content))).toBe(true);
    }
    expect((await read('a.zst', Buffer.concat([checked, blocks]))).equals(Buffer.concat([small, large]))).toBe(true);
  });

  test('whichever bit of a frame with a checksum is flipped, nothing else comes out', async () => {
    for (let bit = 0; bit < checked.length * 8; bit++) {
      const damaged = Buffer.from(checked);
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const out = await read('a.zst', damaged).catch((error: unknown) => error);
      if (Buffer.isBuffer(out)) expect(out.equals(small), `bit ${bit}`).toBe(true);
      else expect(out, `bit ${bit}`).toMatchObject({ name: expect.stringMatching(/^Data(Corrupt|Invalid)$/) as string });
    }
    const repeated = Buffer.from(blocks);
    repeated[blocks.length - 1] ^= 1;
    expect(await failure(read('a.zst', repeated))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('its checksum is of other bytes') as string });
  });

  test('cut off anywhere, or with something else behind it: an error', async () => {
    for (let bytes = 0; bytes < checked.length; bytes++) expect(await failure(read('a.zst', checked.subarray(0, bytes))), String(bytes)).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('cut off') as string });
    expect(await failure(read('a.zst', Buffer.concat([checked, Buffer.from('more')])))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('something else after its frames') as string });
    expect(await failure(read('a.zst', Buffer.concat([checked, Buffer.alloc(8)])))).toMatchObject({ code: 'DataCorrupt' });
  });

  test('a window of --long=31 and a dictionary are told as such', async () => {
    expect(await failure(read('a.zst', long))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('a window of 2048 MiB (--long=31)') as string, fix: expect.stringContaining('zstd -d --long=31') as string });
    const dictionary = Buffer.concat([unchecked.subarray(0, 4), Buffer.from([0x01]), unchecked.subarray(5, 6), Buffer.from([7]), unchecked.subarray(6)]);
    expect(await failure(read('a.zst', dictionary))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('a dictionary') as string });
  });

  test('XXH64 is that of its specification', () => {
    // made with integers of Python, straight from the specification; the first and "abc" are in many test suites
    const vectors: readonly (readonly [number, bigint])[] = [[0, 0xef46db3751d8e999n], [1, 0x1f25c8d0bc1f4bb6n], [4, 0xc0ab8b3ea0e3f90cn], [7, 0x821c3e4c6ebb349dn], [8, 0xe70d7a2d2dc328a8n], [31, 0x518d400d5d07e212n], [32, 0xba9dfbbf6164cd1en], [33, 0x22cb885ccdcb251cn], [63, 0x2a3fbca6fcac216dn], [100, 0x153fd4c75e8ad2cen], [1000, 0x8a87255377ef3c23n]];
    for (const [length, expected] of vectors) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * i * 7 + 3) % 251);
      expect(new Xxh64().update(bytes).digest(), String(length)).toBe(expected);
      for (const piece of [1, 5, 32, 57]) {
        const hash = new Xxh64();
        for (let at = 0; at < length; at += piece) hash.update(bytes.subarray(at, at + piece));
        expect(hash.digest(), `${length} by ${piece}`).toBe(expected);
      }
    }
    expect(new Xxh64().update(Buffer.from('abc')).digest()).toBe(0x44bc2cf5ad770999n);
  });
});

describe('what a file is, its bytes say and not its name', () => {
  test('packed files under names in capitals, or of plain text, are unpacked', async () => {
    const plain = text('plain', 100);
    const packed = gzipSync(plain);
    for (const name of ['A.JSONL.GZ', 'a.jsonl', 'a.txt', 'a.jsonl.zst']) expect((await read(name, packed)).equals(plain), name).toBe(true);
    expect((await read('A.JSONL.ZST', Buffer.from('KLUv/QRYhQAASG9uZSBsaW5lCgEARbQcAUSkB+I=', 'base64'))).toString()).toBe('one line\n'.repeat(9));
  });

  test('plain text that is called .gz is told from a damaged file', async () => {
    expect(await failure(read('a.jsonl.gz', Buffer.from('{"text": "plain"}\n')))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('does not begin as gzip does') as string, fix: expect.stringContaining('leave .gz out of its name') as string });
  });

  test.each([
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 12\n'), /pointer of Git LFS/, /git lfs pull/],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), /it is xz/, /gzip or zstd/],
    ['bzip2', Buffer.from('BZh91AY&SY'), /it is bzip2/, /gzip or zstd/],
    ['zip', Buffer.from('PK\x03\x04'), /it is zip/, /gzip or zstd/],
    ['Parquet', Buffer.from('PAR1....'), /it is Parquet/, /format: parquet/],
    ['UTF-16', Buffer.from('\uFEFF{"text": "a"}', 'utf16le'), /it is UTF-16/, /UTF-8/],
  ])('%s is called by its name', async (_, bytes, message, fix) => {
    expect(await failure(read('a.jsonl', bytes))).toMatchObject({ code: 'DataInvalid', where: expect.stringMatching(/a\.jsonl$/) as string, message: expect.stringMatching(message) as string, fix: expect.stringMatching(fix) as string });
  });

  test('text that begins almost so is text', async () => {
    for (const words of ['BZh is no beginning of anything', 'PK', 'version https://git-lfs.example\n', '']) expect((await read('a.txt', Buffer.from(words))).toString()).toBe(words);
  });
});
