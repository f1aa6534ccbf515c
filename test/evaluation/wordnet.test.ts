import { beforeAll, describe, expect, test } from 'vitest';
import { itemDigests, readItems, taskByName, type TaskItems } from '../../lib/evaluation/index.js';
import { openLexicon, PARTS, type Lexicon, type PartOfSpeech, type Word } from '../../lib/evaluation/wordnet/lexicon.js';
import { makeQuestions, tells, wordsIn, type Question } from '../../lib/evaluation/wordnet/questions.js';

let lexicon: Lexicon;
let questions: readonly Question[];
beforeAll(async () => {
  lexicon = await openLexicon();
  questions = await makeQuestions();
}, 60_000);

test('WordNet’s files are read as its manual has them', () => {
  const dog = lexicon.words('noun').find(({ word }) => word === 'dog');
  const synset = lexicon.synset('noun', dog?.senses[0] ?? 0);
  expect(synset.words).toEqual(['dog', 'domestic dog', 'Canis familiaris']);
  expect(synset.gloss).toMatch(/^a member of the genus Canis .*; "the dog barked all night"$/);
  expect(synset.related.map((at) => lexicon.synset('noun', at).words[0])).toEqual(expect.arrayContaining(['canine', 'domestic animal', 'puppy', 'pack']));
  expect(dog?.count).toBeGreaterThanOrEqual(dog?.firstCount ?? Number.NaN);
  expect(() => lexicon.synset('noun', 5)).toThrow('no synset of WordNet begins at byte 5 of data.noun');
});

describe('the questions', () => {
  let known: ReadonlyMap<string, Word>;
  beforeAll(() => {
    known = new Map(PARTS.flatMap((part) => lexicon.words(part).map((word) => [`${part} ${word.word}`, word] as const)));
  });
  const wordOf = (part: PartOfSpeech, word: string): Word => {
    const found = known.get(`${part} ${word}`);
    if (found === undefined) throw new RangeError(`${word} is no ${part}`);
    return found;
  };

  test('are a thousand, of a definition and four different words, each meaning once', () => {
    expect(questions).toHaveLength(1_000);
    expect(PARTS.map((of) => questions.filter(({ part }) => part === of).length)).toEqual([500, 250, 250]);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(1_000);
    for (const { choices, definition } of questions) {
      expect(new Set(choices).size).toBe(4);
      for (const choice of choices) expect(choice).toMatch(/^[a-z]{3,12}$/);
      expect(definition).not.toMatch(/["`()]/);
    }
  });

  test('are the same whenever they are made', async () => {
    expect(await makeQuestions()).toEqual(questions);
  }, 30_000);

  test('have the right choice in each place equally often, among the first ones too; all parts of speech are among them', () => {
    for (const count of [100, 1_000]) {
      const first = questions.slice(0, count);
      expect([0, 1, 2, 3].map((place) => first.filter(({ answer }) => answer === place).length)).toEqual(new Array<number>(4).fill(count / 4));
    }
    for (const of of PARTS) expect(questions.slice(0, 100).filter(({ part }) => part === of).length).toBeGreaterThan(15);
    // no pattern: the places of one four are not those of the next
    expect(new Set(Array.from({ length: 250 }, (_, i) => questions.slice(4 * i, 4 * i + 4).map(({ answer }) => answer).join('')))).toHaveLength(24);
  });

  test('ask for the most frequent sense of the right choice, and no other choice is a synonym or next to it in meaning', () => {
    for (const { id, part, definition, choices, answer } of questions) {
      const [at] = wordOf(part, choices[answer]).senses;
      expect(id).toBe(`${part} ${at}`);
      const { gloss, related, words } = lexicon.synset(part, at);
      expect(gloss.startsWith(definition)).toBe(true);
      for (const choice of choices.filter((_, i) => i !== answer)) {
        expect(words, `${choice} for ${choices[answer]}`).not.toContain(choice);
        for (const sense of wordOf(part, choice).senses) {
          expect(sense, choice).not.toBe(at);
          expect(related, choice).not.toContain(sense);
          expect(lexicon.synset(part, sense).words, `${choice} for ${choices[answer]}`).not.toContain(choices[answer]);
        }
      }
    }
  });

  test('give no choice away by the definition', () => {
    for (const { definition, choices } of questions) for (const choice of choices) expect(tells(wordsIn(definition), choice), `${choice}: ${definition}`).toBe(false);
    expect(tells(wordsIn('the act of running'), 'run')).toBe(true);
    expect(tells(wordsIn('having no independence'), 'independent')).toBe(true);
    expect(tells(wordsIn('in a happy way'), 'happiness')).toBe(true);
    expect(tells(wordsIn('the state of a thing'), 'statue')).toBe(true); // too careful rather than not enough
    expect(tells(wordsIn('a small piece'), 'bread')).toBe(false);
  });

  test.each<[string, (word: Word) => number]>([
    ['the shortest', ({ word }) => -word.length],
    ['the longest', ({ word }) => word.length],
    ['the rarest', ({ count }) => -count],
    ['the most frequent', ({ count }) => count],
  ])('are not told by how long or frequent a choice is: who takes %s is right in a quarter of them', (_, by) => {
    const share = questions.reduce((sum, { part, choices, answer }) => {
      const values = choices.map((choice) => by(wordOf(part, choice)));
      const most = Math.max(...values);
      return sum + (values[answer] === most ? 1 / values.filter((value) => value === most).length : 0);
    }, 0);
    // the standard error of a thousand questions is 0.014
    expect(Math.abs(share / questions.length - 0.25)).toBeLessThan(0.04);
  });
});

describe('the task wordnet', () => {
  const task = taskByName('wordnet');
  const read = (limit?: number): Promise<TaskItems> => readItems({ task, folder: '/', field: 'f', limit });

  test('asks them as the other tasks are asked, without a file', async () => {
    const { items, documents } = await read(8);
    expect([items.length, documents]).toEqual([8, 1_000]);
    items.forEach(({ requests, choice, document }, i) => {
      const { definition, choices, answer } = questions[i];
      expect(document).toEqual(questions[i]);
      expect(requests).toEqual(choices.map((word) => ({ context: `Question: Which word means "${definition}"?\nAnswer:`, continuation: ` ${word}` })));
      expect(choice).toEqual({ gold: answer, lengths: choices.map(({ length }) => length) });
    });
  });

  test('has a digest by its questions; other tasks are asked for a file', async () => {
    const [digest, ...others] = await itemDigests({ task, folder: '/', field: 'f' });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(others).toEqual([]);
    await expect(itemDigests({ task: taskByName('piqa'), folder: '/', field: 'evaluation.tasks[0].path' })).rejects.toMatchObject({ code: 'DataInvalid', where: 'evaluation.tasks[0].path', bare: 'no file of items is named for piqa', fix: expect.stringContaining('baber/piqa') });
  });
});
