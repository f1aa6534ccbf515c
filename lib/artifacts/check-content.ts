import { BlissError } from '../errors.js';
import { sha256File } from './digests.js';
import type { ManifestFile } from './types.js';

/** Reads a stored file as a whole. @throws BlissError DataCorrupt naming the file and the fix */
export async function checkContent(file: string, expected: Pick<ManifestFile, 'sha256'>): Promise<void> {
  const found = await sha256File(file);
  if (found !== expected.sha256) throw corrupt(file, `its sha256 is ${found}, recorded was ${expected.sha256}`);
}

export const corrupt = (where: string, how: string): BlissError =>
  new BlissError({ code: 'DataCorrupt', message: `the stored file changed: ${how}`, where, fix: 'check the disk, delete the folder that holds the file and start the run again; the stage that makes it is then computed again' });
