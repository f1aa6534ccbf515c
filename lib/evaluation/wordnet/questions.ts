import { permutation } from '../../random.js';
import { openLexicon, type Lexicon, type PartOfSpeech, type Synset, type Word } from './lexicon.js';

/** A definition and four words, one of which it is the definition of. */
export interface Question {
  /** part of speech and place of the meaning in WordNet: `noun 7943952` */
  readonly id: string;
  readonly part: PartOfSpeech;
  readonly definition: string;
  readonly choices: readonly string[];
  /** index of the right one */
  readonly answer: number;
}

/** How many of each part of speech: WordNet's texts give about 1,200 words of a kind at most that can be asked for. */
const QUESTIONS: readonly (readonly [PartOfSpeech, number])[] = [['noun', 500], ['verb', 250], ['adjective', 250]];
const CHOICES = 4;
/** A word's first sense is in WordNet's annotated texts so often: who knows the word knows that sense. */
const KNOWN = 5;
/** The choices are drawn out of so many words that are most like each other … */
const ALIKE = 24;
/** … among so many rarer and so many more frequent ones. */
const NEIGHBOURS = 100;
const SEED = 'wordnet';

/**
 * A thousand questions, always the same ones in the same order: which of four words a definition is of. The wrong ones are words of the same
 * part of speech, about as frequent and as long, none of which shares a synset with the right one or is tied to its meaning, and no choice
 * stands in the definition. The right one is each of the four equally often, in every four questions.
 * @throws BlissError NotSetUp where the package is not installed
 */
export async function makeQuestions(): Promise<readonly Question[]> {
  const lexicon = await openLexicon();
  const all = QUESTIONS.flatMap(([part, count]) => ofPart(lexicon, part, count));
  // whatever number of first ones is taken, all parts of speech are in it
  return Array.from(permutation(all.length, SEED, 'order'), (from, i) => {
    const { right, wrong, definition } = all[from];
    const answer = permutation(CHOICES, SEED, 'places', Math.floor(i / CHOICES))[i % CHOICES];
    return { id: `${right.part} ${right.senses[0]}`, part: right.part, definition, choices: wrong.map(({ word }) => word).toSpliced(answer, 0, right.word), answer };
  });
}

interface Draft {
  readonly right: Word;
  readonly wrong: readonly Word[];
  readonly definition: string;
}

function ofPart(lexicon: Lexicon, part: PartOfSpeech, count: number): Draft[] {
  // the index is in small letters: names are in capitals where a synset's words are
  const known = lexicon.words(part).filter(({ word, firstCount, senses: [first] }) => firstCount >= KNOWN && lexicon.synset(part, first).words.includes(word));
  const byCount = known.toSorted((a, b) => a.count - b.count || (a.word < b.word ? -1 : 1));
  const asked = new Set<number>();
  const drafts: Draft[] = [];
  for (const i of permutation(known.length, SEED, part)) {
    if (drafts.length === count) return drafts;
    // all four are drawn alike, and the right one is one of them: were the others drawn around it, it would seldom be the shortest or the most frequent
    const near = alike(known[i], byCount);
    const drawn = Array.from(permutation(near.length, SEED, 'choices', part, known[i].word), (k) => near[k]);
    for (const right of drawn) {
      const draft = asked.has(right.senses[0]) ? undefined : draftOf(right, drawn, lexicon);
      if (draft === undefined) continue;
      asked.add(right.senses[0]);
      drafts.push(draft);
      break;
    }
  }
  throw new RangeError(`WordNet gives ${drafts.length} questions of a ${part}, not ${count}`);
}

/** None where the word's definition is no question, or too few of the others are wrong. */
function draftOf(right: Word, drawn: readonly Word[], lexicon: Lexicon): Draft | undefined {
  const synset = lexicon.synset(right.part, right.senses[0]);
  const definition = definitionOf(synset);
  if (definition === undefined) return undefined;
  const among = wordsIn(definition);
  if (synset.words.flatMap(wordsIn).some((word) => tells(among, word))) return undefined;
  const wrong = drawn.filter((other) => other !== right && isWrong({ other, right, synset, among, lexicon })).slice(0, CHOICES - 1);
  return wrong.length < CHOICES - 1 ? undefined : { right, wrong, definition };
}

/** What stands before the examples, where it is of a length to be asked by. */
function definitionOf({ gloss }: Synset): string | undefined {
  const definition = gloss.split('; "')[0].trim();
  const words = definition.split(' ').length;
  return words >= 4 && words <= 20 && /^[a-z][a-z ,;'/-]+$/i.test(definition) ? definition : undefined;
}

/** Whether a text has a word, or another of its stem. @param among the text's words, in small letters */
export function tells(among: readonly string[], word: string): boolean {
  const stem = stemOf(word);
  return among.some((other) => other.startsWith(stem) || (other.length >= 4 && word.startsWith(stemOf(other))));
}

export const wordsIn = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];

/** what endings are left off of: two thirds of a word, four letters at least where it has them */
const stemOf = (word: string): string => word.slice(0, Math.max(4, Math.ceil((2 * word.length) / 3)));

interface Wrong {
  readonly other: Word;
  readonly right: Word;
  /** of the right one */
  readonly synset: Synset;
  /** words of its definition */
  readonly among: readonly string[];
  readonly lexicon: Lexicon;
}

/** Whether a word is no answer: in none of its senses is it a synonym, nor does it stand next to the meaning that is asked for. */
function isWrong({ other, right, synset, among, lexicon }: Wrong): boolean {
  if (other.senses.some((at) => right.senses.includes(at) || synset.related.includes(at))) return false;
  if (other.senses.some((at) => lexicon.synset(other.part, at).related.includes(right.senses[0]))) return false;
  return !tells(among, other.word);
}

/** A word and those most like it: of its neighbours by how frequent they are, the ones nearest in that and in length. @param byCount by count, then by word */
function alike(word: Word, byCount: readonly Word[]): readonly Word[] {
  const distance = ({ count, word: other }: Word): number => Math.abs(Math.log2(count / word.count)) + Math.abs(other.length - word.word.length) / 2;
  const place = byCount.indexOf(word);
  return byCount
    .slice(Math.max(0, place - NEIGHBOURS), place + NEIGHBOURS + 1)
    .map((other) => ({ other, distance: distance(other) }))
    .sort((a, b) => a.distance - b.distance || (a.other.word < b.other.word ? -1 : 1))
    .slice(0, ALIKE)
    .map(({ other }) => other);
}
