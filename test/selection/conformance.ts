import { describe, expect, test } from 'vitest';
import { permutation, randomStream } from '../../lib/random.js';
import type { RankingRule } from '../../lib/selection/index.js';
import { selectInFiles } from './in-files.js';
import { selectInMemory, type Candidates } from './in-memory.js';

const N = 500;

export function candidates(key = 'selection', n = N): Candidates & { readonly logits: Float32Array } {
  const random = randomStream(key);
  // few distinct logits, so that the border has ties
  return { ids: Array.from({ length: n }, (_, i) => `s:${String(i).padStart(9, '0')}`), logits: Float32Array.from({ length: n }, () => Math.round(random.normal() * 4) / 4) };
}

/** What every ranking rule keeps to, in memory as in files. `open` makes one of a seed; rules without randomness ignore it. @param finite it has no answer to infinite scores */
export function rankingRuleConformance(name: string, open: (seed: string) => RankingRule, { finite = false } = {}): void {
  describe(`${name} as a ranking rule${finite ? ' of finite scores' : ''}`, () => {
    const all = candidates();
    const select = (chosenFrom: Candidates, count: number, seed = '0'): Promise<number[]> => selectInFiles({ rule: open(seed), candidates: chosenFrom, count });
    const idsOf = ({ ids }: Candidates, selected: readonly number[]): string[] => selected.map((i) => ids[i]);

    test('says its name', () => {
      expect(open('0').name).toBe(name);
    });

    test('chooses as many different rows as are wanted', async () => {
      for (const count of [0, 1, 100, N]) {
        const selected = await select(all, count);
        expect(new Set(selected).size).toBe(count);
        expect(selected.every((i) => i < N)).toBe(true);
      }
      expect(await select(all, N + 7)).toHaveLength(N);
      expect(await select({ ids: [], logits: new Float32Array() }, 3)).toHaveLength(0);
    });

    test('the same seed chooses the same', async () => {
      expect(await select(all, 100)).toEqual(await select(all, 100));
    });

    test('the order that rows come in changes nothing', async () => {
      const order = permutation(N, 'order');
      const moved = { ids: Array.from(order, (i) => all.ids[i]), logits: Float32Array.from(order, (i) => all.logits[i]) };
      expect(idsOf(moved, await select(moved, 100))).toEqual(idsOf(all, await select(all, 100)));
    });

    test('a smaller selection is the start of a larger one', async () => {
      const large = await select(all, 200);
      expect(await select(all, 50)).toEqual(large.slice(0, 50));
    });

    test('never chooses an excluded row', async () => {
      const excluded = Uint8Array.from({ length: N }, (_, i) => i % 2);
      const selected = await select({ ...all, excluded }, 200);
      expect(selected).toHaveLength(200);
      expect(selected.every((i) => i % 2 === 0)).toBe(true);
      expect(await select({ ...all, excluded }, N)).toHaveLength(N / 2);
    });

    test.each(Array.from({ length: 8 }, (_, i) => i))('in files is a sort of all rows in memory, of made rows %i', async (i) => {
      const made = fuzzed(`${name} ${i}`, finite);
      const random = randomStream('count', name, i);
      for (const count of [1, random.below(made.ids.length), made.ids.length - 1]) {
        expect(await select(made, count, String(i))).toEqual(selectInMemory({ rule: open(String(i)), candidates: made, count }));
      }
    });
  });
}

/** Rows with what is rare: ties everywhere, both zeros, infinities, one logit for all, ids that UTF-8 and UTF-16 order otherwise, left-out rows. */
function fuzzed(key: string, finite: boolean): Candidates {
  const random = randomStream('fuzzed', key);
  const n = 2 + random.below(4_000);
  const letters = ['a', 'b', 'é', '~', '\u{D7FF}', '\u{E000}', '\u{FFFD}', '\u{FFFF}', '\u{10000}', '\u{1F600}', '\u{10FFFE}', '\u{10FFFF}', "'", ' '];
  const ids = Array.from({ length: n }, (_, i) => {
    const head = Array.from({ length: 1 + random.below(3) }, () => letters[random.below(letters.length)]).join('');
    return `${head}${i}`;
  });
  const special = [0, -0, Infinity, -Infinity, 1e-45, 3.4e38];
  const steps = 10 ** random.below(5);
  const constant = random.below(5) === 0;
  const infinities = random.below(2) === 0 && !finite;
  const logits = Float32Array.from({ length: n }, () => {
    if (constant) return 0.5;
    const value = special[random.below(special.length)];
    return random.below(20) === 0 && (infinities || Number.isFinite(value)) ? value : Math.round(random.normal() * steps) / steps;
  });
  return { ids, logits, ...(random.below(2) === 0 ? {} : { excluded: Uint8Array.from({ length: n }, () => random.below(3) === 0 ? 1 : 0) }) };
}
