import { randomStream } from '../../random.js';

/** Words that a text's next word is drawn by. */
const ORDER = 2;

/**
 * Machine-made text: a Markov chain of words, of the second order, over the texts that it is given. Each three words in a row are of some text, and nothing
 * longer makes sense. @param words about how many there are of it
 */
export function machineText({ texts, words, seed }: { readonly texts: readonly string[]; readonly words: number; readonly seed: string }): string {
  const all = texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== ''));
  if (all.length <= ORDER) return all.join(' ');
  const random = randomStream(seed);
  const next = new Map<string, number[]>();
  for (let at = 0; at + ORDER < all.length; at++) {
    const key = `${all[at]} ${all[at + 1]}`;
    const known = next.get(key);
    if (known === undefined) next.set(key, [at + ORDER]);
    else known.push(at + ORDER);
  }
  let at = random.below(all.length - ORDER);
  const out = [all[at], all[at + 1]];
  while (out.length < words) {
    const choices = next.get(`${out[out.length - 2]} ${out[out.length - 1]}`);
    at = choices === undefined ? random.below(all.length) : choices[random.below(choices.length)]; // at the very end of the texts it begins elsewhere
    out.push(all[at]);
  }
  return out.join(' ');
}
