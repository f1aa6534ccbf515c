import { expect, test } from 'vitest';
import { differences, differenceText } from '../../cli/plan/differences.js';

test('two inputs differ field by field, and a reader is told the first of them', () => {
  const before = { input: { steps: 3, model: { width: 96, heads: 4 }, corpus: { digest: 'a' } }, scope: '', list: [1, 2] };
  const now = { input: { steps: 4, model: { width: 96 }, corpus: { digest: 'b' } }, scope: '', list: [1, 3] };
  const found = differences(before, now);
  expect(found.map(({ field }) => field)).toEqual(['input.corpus.digest', 'input.model.heads', 'input.steps', 'list.1']);
  expect(differenceText(found)).toBe('another input.corpus; input.model.heads 4 → absent; input.steps 3 → 4; 1 more');
  expect(differences(before, structuredClone(before))).toEqual([]);
  expect(differences({ start: { seed: '0' } }, { start: { state: { digest: 'x' } } }).map(({ field }) => field)).toEqual(['start.seed', 'start.state']);
});
