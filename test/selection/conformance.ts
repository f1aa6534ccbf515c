import { describe, expect, test } from 'vitest';
import { permutation, randomStream } from '../../lib/random.js';
import type { Candidates, Selector } from '../../lib/selection/index.js';

const N = 500;

export function candidates(key = 'selection', n = N): Candidates & { readonly logits: Float32Array } {
  const random = randomStream(key);
  // few distinct logits, so that the border has ties
  return { ids: Array.from({ length: n }, (_, i) => `s:${String(i).padStart(9, '0')}`), logits: Float32Array.from({ length: n }, () => Math.round(random.normal() * 4) / 4) };
}

/** What every selector keeps to. `open` makes one of a seed; selectors without randomness ignore it. */
export function selectorConformance(name: string, open: (seed: string) => Selector): void {
  describe(`${name} as a selector`, () => {
    const all = candidates();
    const idsOf = ({ ids }: Candidates, selected: Uint32Array): string[] => Array.from(selected, (i) => ids[i]);

    test('says its name', () => {
      expect(open('0').name).toBe(name);
    });

    test('chooses as many different rows as are wanted', () => {
      for (const count of [0, 1, 100, N]) {
        const selected = open('0').select({ candidates: all, count });
        expect(new Set(selected).size).toBe(count);
        expect(selected.every((i) => i < N)).toBe(true);
      }
      expect(open('0').select({ candidates: all, count: N + 7 })).toHaveLength(N);
      expect(open('0').select({ candidates: { ids: [], logits: new Float32Array() }, count: 3 })).toHaveLength(0);
    });

    test('the same seed chooses the same', () => {
      const select = () => open('0').select({ candidates: all, count: 100 });
      expect(select()).toEqual(select());
    });

    test('the order that rows come in changes nothing', () => {
      const order = permutation(N, 'order');
      const moved = { ids: Array.from(order, (i) => all.ids[i]), logits: Float32Array.from(order, (i) => all.logits[i]) };
      expect(idsOf(moved, open('0').select({ candidates: moved, count: 100 }))).toEqual(idsOf(all, open('0').select({ candidates: all, count: 100 })));
    });

    test('a smaller selection is the start of a larger one', () => {
      const large = open('0').select({ candidates: all, count: 200 });
      expect(open('0').select({ candidates: all, count: 50 })).toEqual(large.slice(0, 50));
    });

    test('never chooses an excluded row', () => {
      const excluded = Uint8Array.from({ length: N }, (_, i) => i % 2);
      const selected = open('0').select({ candidates: { ...all, excluded }, count: 200 });
      expect(selected).toHaveLength(200);
      expect(selected.every((i) => i % 2 === 0)).toBe(true);
      expect(open('0').select({ candidates: { ...all, excluded }, count: N })).toHaveLength(N / 2);
    });

    test('leaves its input as it was', () => {
      const mine = candidates();
      open('0').select({ candidates: mine, count: 100 });
      expect(mine).toEqual(all);
    });
  });
}
