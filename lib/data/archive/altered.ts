import { randomStream } from '../../random.js';

/** of words, in a near-duplicate */
const CHANGED = 0.03;

/** A near-duplicate: a few words in a hundred give way to other words of the same text. */
export function nearDuplicate(text: string, seed: string): string {
  const random = randomStream(seed);
  const parts = text.split(/(\s+)/);
  const words = parts.filter((part, i) => i % 2 === 0 && part !== '');
  return parts.map((part, i) => (i % 2 === 0 && part !== '' && random.uniform() < CHANGED ? words[random.below(words.length)] : part)).join('');
}

/** Characters of a piece, between these. */
const [SHORTEST, LONGEST] = [120, 600];

/** Pieces of a text that begin and end anywhere, within words too, in an order of their own: what a broken download or a bad extraction leaves. */
export function truncated(text: string, seed: string): string {
  const random = randomStream(seed);
  const pieces = Array.from({ length: Math.ceil((2 * text.length) / (SHORTEST + LONGEST)) }, () => {
    const length = SHORTEST + random.below(LONGEST - SHORTEST);
    const start = random.below(Math.max(1, text.length - length));
    return text.slice(start, start + length).replace(/\s+/g, ' ').trim();
  });
  return pieces.join(' … ');
}
