import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { buildReport, type ReportData } from '../../lib/report/index.js';
import { tokensAt, tokensToRandom } from '../../lib/report/held-out-curve.js';
import { exampleReport } from './example.js';

const data = exampleReport({ seeds: [0, 1] });
/** random ends at 5.0 after 100 tokens (seed 0) and at 5.2 (seed 1); bliss is there between 40 and 60, and at 80 */
const HELD_OUT: Readonly<Record<string, readonly (readonly [tokens: number, loss: number])[]>> = {
  'random 0': [[50, 5.5], [100, 5.0]],
  'random 1': [[50, 5.6], [100, 5.2]],
  'bliss 0': [[40, 5.3], [60, 4.8], [100, 4.6]],
  'bliss 1': [[40, 5.4], [80, 5.2], [100, 5.1]],
};
const curved: ReportData = { ...data, training: data.training.map((curve) => ({ ...curve, ...(curve.arm === null ? {} : { heldOut: HELD_OUT[`${curve.arm} ${curve.seed}`].map(([tokens, loss]) => ({ tokens, loss })) }) })) };

test('a curve is at a loss between two points as if it fell evenly, at its first point at the soonest, or nowhere', () => {
  const curve = [{ tokens: 40, loss: 5.3 }, { tokens: 60, loss: 4.8 }];
  expect(tokensAt(curve, 5.0)).toBeCloseTo(52, 9); // 40 + 20 · 0.3/0.5
  expect(tokensAt(curve, 5.4)).toBe(40);
  expect(tokensAt(curve, 4.7)).toBeUndefined();
  // a loss that was no number is no point
  expect(tokensAt([curve[0], { tokens: 50, loss: Number.NaN }, curve[1]], 5.0)).toBeCloseTo(52, 9);
  expect(tokensAt([...curve, { tokens: 70, loss: Number.NaN }], 4.7)).toBeUndefined();
});

test('tokens to random’s last loss are a share of random’s tokens, a mean over seeds with its interval', () => {
  const [bliss] = tokensToRandom(curved);
  expect(bliss).toMatchObject({ arm: 'bliss', seeds: 2, of: 2 });
  expect(bliss.share).toBeCloseTo((0.52 + 0.8) / 2, 9);
  // Student's t of one degree of freedom is 12.706; the error of the mean of two is half their distance
  expect(bliss.interval?.[1]).toBeCloseTo(0.66 + 12.706 * 0.14, 3);
  const never = tokensToRandom({ ...curved, training: curved.training.map((curve) => (curve.arm === 'bliss' ? { ...curve, heldOut: [{ tokens: 100, loss: 9 }] } : curve)) });
  expect(never[0]).toMatchObject({ seeds: 0, of: 2 });
  // of a seed whose random arm ends in no number nothing can be said
  const lost = tokensToRandom({ ...curved, training: curved.training.map((curve) => (curve.arm === 'random' && curve.seed === 1 ? { ...curve, heldOut: [{ tokens: 100, loss: Number.NaN }] } : curve)) });
  expect(lost[0]).toMatchObject({ seeds: 1, of: 1 });
  expect(lost[0].share).toBeCloseTo(0.52, 9);
  // of a seed that does not come there nothing is averaged away
  const [some] = tokensToRandom({ ...curved, training: curved.training.map((curve) => (curve.arm === 'bliss' && curve.seed === 1 ? { ...curve, heldOut: [{ tokens: 100, loss: 9 }] } : curve)) });
  expect(some).toEqual({ arm: 'bliss', share: Number.NaN, seeds: 1, of: 2 });
});

test('the report draws a line an arm and seed, and says never where an arm does not come there; without such losses it has no section', () => {
  const { document } = parseHTML(buildReport(curved));
  const section = document.getElementById('held-out-curve')?.parentElement;
  expect(section?.querySelector('h2')?.textContent).toBe('Held-out loss by tokens');
  expect(section?.querySelectorAll('svg path').length).toBeGreaterThanOrEqual(6);
  expect([...(section?.querySelectorAll('td') ?? [])].slice(0, 2).map(({ textContent }) => textContent)).toEqual(['bliss', '66.0\u00a0%']);
  expect(parseHTML(buildReport(data)).document.getElementById('held-out-curve')).toBeNull();
});
