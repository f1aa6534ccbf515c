import path from 'node:path';
import { BlissError } from '../../errors.js';
import { isLfsPointer, lfsPointer } from '../../git-lfs.js';
import { invalid } from './invalid.js';

/** Enough to tell any of the forms below. */
export const HEAD_BYTES = 64;

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** Forms that are no text and are told by how they begin. */
const OTHERS: readonly { readonly what: string; readonly begins: readonly number[]; readonly fix: string }[] = [
  ...[
    { what: 'xz', begins: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] },
    { what: 'bzip2', begins: [0x42, 0x5a, 0x68] }, // and a digit, and a block
    { what: 'lz4', begins: [0x04, 0x22, 0x4d, 0x18] },
    { what: 'zip', begins: [0x50, 0x4b, 3, 4] },
    { what: '7z', begins: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  ].map((form) => ({ ...form, fix: 'unpack it, or pack it by gzip or zstd' })),
  { what: 'Parquet', begins: [0x50, 0x41, 0x52, 0x31], fix: 'end its name in .parquet, or set format: parquet' },
  { what: 'UTF-16 text', begins: [0xff, 0xfe], fix: 'convert the file to UTF-8' },
  { what: 'UTF-16 text', begins: [0xfe, 0xff], fix: 'convert the file to UTF-8' },
];

/** How a file is packed, by its bytes: names lie, in capitals and otherwise. @throws BlissError DataInvalid, DataCorrupt for what is no text and not packed so that it is read */
export function packingOf({ file, head }: { readonly file: string; readonly head: Uint8Array }): 'gzip' | 'zstd' | 'none' {
  const begins = (bytes: readonly number[]): boolean => bytes.every((byte, i) => head[i] === byte);
  if (isLfsPointer(head)) throw lfsPointer(file);
  if (begins(GZIP)) return 'gzip';
  if (begins(ZSTD) || isSkippable(head)) return 'zstd';
  const ending = path.extname(file).toLowerCase();
  if (ending === '.gz' || ending === '.zst') {
    const packer = ending === '.gz' ? 'gzip' : 'zstd';
    if (head.length < (ending === '.gz' ? GZIP : ZSTD).length) throw new BlissError({ code: 'DataCorrupt', where: file, message: `the ${packer} stream ends early: the file is cut off`, fix: 'copy or download the file again' });
    throw new BlissError({ code: 'DataCorrupt', where: file, message: `the file does not begin as ${packer} does, and its name ends in ${path.extname(file)}`, fix: `copy or download the file again; or if it is not packed, leave ${path.extname(file)} out of its name` });
  }
  const other = OTHERS.find((form) => begins(form.begins) && (form.what !== 'bzip2' || (head[3] >= 0x31 && head[3] <= 0x39 && (head[4] === 0x31 || head[4] === 0x17))));
  if (other !== undefined) throw invalid(file, `it is ${other.what}`, other.fix);
  return 'none';
}

/** A frame of zstd that holds no data: 0x184D2A50 to 0x184D2A5F. */
const isSkippable = (head: Uint8Array): boolean => head.length >= 4 && head[0] >= 0x50 && head[0] <= 0x5f && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
