import { describe, expect, test } from 'vitest';
import { nearDuplicate, truncated } from '../../lib/data/archive/altered.js';
import { ARCHIVE_SOURCES, archiveHeldOut, archiveSources, entry } from '../../lib/data/archive/index.js';
import { machineText } from '../../lib/data/archive/machine-text.js';
import type { Document } from '../../lib/data/types.js';

const even = { speeches: 1, documentation: 1, dictionary: 1, email: 1, books: 1, duplicates: 1, truncated: 1, machine: 1 };
async function some(documents: AsyncIterable<Document>, most = Infinity): Promise<Document[]> {
  const found: Document[] = [];
  for await (const document of documents) {
    found.push(document);
    if (found.length >= most) break;
  }
  return found;
}
const sourceOf = (name: string, seed = '0') => {
  const source = archiveSources({ mixture: even, seed }).find((one) => one.name === name);
  if (source === undefined) throw new Error(name);
  return source;
};

describe('the archive', () => {
  test('has its sources in the shares that are asked for, each with text, and says which packages it is made from', async () => {
    const sources = archiveSources({ mixture: { ...even, speeches: 3, machine: 0 }, seed: '0' });
    expect(sources.map(({ name }) => name)).toEqual(ARCHIVE_SOURCES.filter((name) => name !== 'machine'));
    expect(sources[0].share).toBeCloseTo(1 / 3, 9);
    for (const name of ARCHIVE_SOURCES) {
      const [first] = await some(sourceOf(name).documents(), 1);
      expect(first.text.length, name).toBeGreaterThan(200);
      expect((await sourceOf(name).inputs()).map((input) => input.name).join(), name).toMatch(/@\d/);
    }
    expect((await sourceOf('documentation').inputs()).length).toBeGreaterThan(100);
  });

  test('holds out speeches that are in none of its rows, whole, cut or by a machine: a chapter of text is in one use only', async () => {
    const heldOut = await some(archiveHeldOut().documents());
    expect(heldOut.length).toBeGreaterThan(40);
    const ids = (documents: readonly Document[]): string[] => documents.map(({ id }) => id);
    const used = [...ids(await some(sourceOf('speeches').documents())), ...ids(await some(sourceOf('truncated').documents()))];
    expect(used.length).toBeGreaterThan(100);
    expect(ids(heldOut).filter((id) => used.includes(id))).toEqual([]);
    // what machines make has its three words in a row from speeches that are held out nowhere: a run of twelve words of them is in no held-out speech
    const held = heldOut.map(({ text }) => text.replace(/\s+/g, ' ')).join(' ');
    const runs = (await some(sourceOf('machine').documents(), 5)).flatMap(({ text }) => {
      const words = text.split(' ');
      return Array.from({ length: Math.floor(words.length / 12) }, (_, i) => words.slice(12 * i, 12 * i + 12).join(' '));
    });
    expect(runs.filter((run) => held.includes(run)).length / runs.length).toBeLessThan(0.01);
  });

  test('comes in another order with another seed, with the same documents', async () => {
    const first = async (seed: string): Promise<string[]> => (await some(sourceOf('speeches', seed).documents())).map(({ id }) => id);
    const [one, other] = [await first('0'), await first('1')];
    expect(one).not.toEqual(other);
    expect(one.toSorted()).toEqual(other.toSorted());
  });
});

describe('its texts', () => {
  test('an entry of the dictionary is its words, definition and examples', () => {
    expect(entry('00004032 29 v 02 breathe_out 0 suspire 4 001 @ 00001740 v 0000 01 + 02 00 | heave or utter a sigh; "She sighed sadly"  ')).toBe('breathe out, suspire: heave or utter a sigh; "She sighed sadly"');
  });

  test('a near-duplicate differs in a few words in a hundred, by words of its own, and keeps its layout', () => {
    const text = Array.from({ length: 1_000 }, (_, i) => `word${i}${i % 10 === 9 ? '\n' : ''}`).join(' ');
    const words = (of: string): string[] => of.split(/\s+/);
    const copy = words(nearDuplicate(text, 'a'));
    const changed = copy.filter((word, i) => word !== words(text)[i]).length;
    expect(changed).toBeGreaterThan(10);
    expect(changed).toBeLessThan(60);
    expect(copy.every((word) => words(text).includes(word))).toBe(true);
    expect(nearDuplicate(text, 'a').split('\n')).toHaveLength(text.split('\n').length);
    expect(nearDuplicate(text, 'b')).not.toBe(nearDuplicate(text, 'a'));
    expect(nearDuplicate(text, 'a')).toBe(nearDuplicate(text, 'a'));
  });

  test('a truncated text is pieces of it that begin within words too', () => {
    const text = Array.from({ length: 2_000 }, (_, i) => `consideration${i}`).join(' ');
    const pieces = truncated(text, 'a').split(' … ');
    expect(pieces.length).toBeGreaterThan(10);
    for (const piece of pieces) expect(text).toContain(piece);
    expect(pieces.some((piece) => !piece.startsWith('consideration'))).toBe(true);
  });

  test('machine-made text has three words in a row of its texts, and no longer run of them by design', () => {
    const texts = ['a b c d e a b f g h', 'c d x y z a b c'];
    const made = machineText({ texts, words: 300, seed: 's' }).split(' ');
    const all = texts.join(' ').split(' ');
    const triples = new Set(all.slice(2).map((_, i) => all.slice(i, i + 3).join(' ')));
    const inTexts = made.slice(2).filter((_, i) => triples.has(made.slice(i, i + 3).join(' '))).length;
    expect(inTexts / (made.length - 2)).toBeGreaterThan(0.8); // but where the texts' end was reached
    expect(made.join(' ')).toBe(machineText({ texts, words: 300, seed: 's' }));
    expect(made.join(' ')).not.toBe(machineText({ texts, words: 300, seed: 't' }));
  });
});
