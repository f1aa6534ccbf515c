import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from '../../artifacts/types.js';

/** Which rows of a group trained the scorer: one bit a row, so that they can be flagged or left out.  @see method §6.4 */
export const TRAINED_ROWS_FILE = 'trained-rows.bin';

export class RowSet {
  constructor(readonly bits: Uint8Array) {}
  static of(rows: number): RowSet {
    return new RowSet(new Uint8Array(Math.ceil(rows / 8)));
  }
  add(index: number): void {
    this.bits[index >> 3] |= 1 << (index & 7);
  }
  has(index: number): boolean {
    return (this.bits[index >> 3] & (1 << (index & 7))) !== 0;
  }
  get size(): number {
    let count = 0;
    for (let byte of this.bits) for (; byte !== 0; byte &= byte - 1) count++;
    return count;
  }
}

export const writeTrainedRows = (folder: string, rows: RowSet): Promise<void> => writeFile(path.join(folder, TRAINED_ROWS_FILE), rows.bits);

export async function readTrainedRows(artifact: Artifact): Promise<RowSet> {
  return new RowSet(Uint8Array.from(await readFile(await artifact.file(TRAINED_ROWS_FILE))));
}

/** @returns whether a row, by its index in the group, trained the scorer */
export async function trainedRows(scorer: Artifact, rows: number): Promise<(index: number) => boolean> {
  const set = await readTrainedRows(scorer);
  if (set.bits.length !== Math.ceil(rows / 8)) throw new RangeError(`the scorer's trained rows are of another group: ${set.bits.length * 8} bits for ${rows} rows`);
  return (index) => set.has(index);
}
