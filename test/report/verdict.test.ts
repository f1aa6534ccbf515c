import { describe, expect, test } from 'vitest';
import { buildReport, verdictOf, type EvaluationPoint, type ReportData } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

const point = (seed: number, arm: string, loss: number, more: Partial<EvaluationPoint> = {}): EvaluationPoint => ({
  seed, arm, round: 1, set: 'test', loss, lossStandardError: 0.03, perplexity: Math.exp(loss), lastWordLoss: loss, lastWordAccuracy: 0.1, lastWordAccuracyStandardError: 0.01, ...more,
});
const arms = [{ name: 'bliss', selector: 'bliss' }, { name: 'random', selector: 'random' }];
/** gains by seed */
const run = (...gains: number[]) => ({ arms, metrics: gains.flatMap((gain, seed) => [point(seed, 'bliss', 5 - gain), point(seed, 'random', 5)]) });

describe('the verdict', () => {
  test('wins where the 95% interval over seeds lies above zero', () => {
    // mean 0.15; s = 0.05; s/√3 = 0.028868; t(2) = 4.303 → 0.0258 … 0.2742
    const verdict = verdictOf(run(0.1, 0.15, 0.2));
    expect(verdict.outcome).toBe('wins');
    expect(verdict.headline).toBe('bliss beats random on the test set');
    expect(verdict.difference).toBeCloseTo(0.15, 12);
    expect(verdict.standardError).toBeCloseTo(0.0288675, 6);
    expect(verdict.interval?.[0]).toBeCloseTo(0.02578, 4);
    expect(verdict.interval?.[1]).toBeCloseTo(0.27422, 4);
    expect(verdict.detail).toContain('0.1500 ± 0.0289 nats a token lower than that of random (mean and standard error over 3 seeds; lower with 3 of 3)');
  });

  test('says plainly that it is worse', () => {
    const verdict = verdictOf(run(-0.1, -0.15, -0.2));
    expect(verdict.outcome).toBe('loses');
    expect(verdict.headline).toBe('bliss does NOT beat random on the test set: it is worse');
    expect(verdict.detail).toContain('0.1500 ± 0.0289 nats a token higher than that of random');
  });

  test('does not call a difference within the error a win, however the mean lies', () => {
    const verdict = verdictOf(run(0.3, -0.1, 0.1));
    expect(verdict.difference).toBeGreaterThan(0);
    expect(verdict.outcome).toBe('undecided');
    expect(verdict.headline).toBe('bliss does NOT beat random on the test set: the difference is within the error');
    expect(verdict.detail).toContain('lower with 2 of 3');
  });

  test('one seed is judged by the errors of the evaluation, and says that it is one', () => {
    const verdict = verdictOf(run(0.1)); // √(0.03² + 0.03²) = 0.0424; 1.96 × 0.0424 = 0.0832
    expect(verdict.outcome).toBe('wins');
    expect(verdict.standardError).toBeCloseTo(0.0424264, 6);
    expect(verdict.detail).toContain('one seed says nothing about the spread');
    expect(verdictOf(run(0.08)).outcome).toBe('undecided');
  });

  test('the last round and the test set decide; the tuning set only in want of one, with a warning', () => {
    const { metrics } = run(0.2);
    const later = [point(0, 'bliss', 5.5, { round: 2 }), point(0, 'random', 5.1, { round: 2 })];
    const tuning = [point(0, 'bliss', 4, { set: 'tuning', round: 2 }), point(0, 'random', 5, { set: 'tuning', round: 2 })];
    expect(verdictOf({ arms, metrics: [...metrics, ...later, ...tuning] })).toMatchObject({ outcome: 'loses', round: 2, set: 'test' });
    const only = verdictOf({ arms, metrics: tuning });
    expect(only).toMatchObject({ outcome: 'wins', set: 'tuning', headline: 'bliss beats random on the tuning set' });
    expect(only.detail).toContain('no evaluation on the test set');
  });

  test('a round that only one arm has finished does not count', () => {
    expect(verdictOf({ arms, metrics: [...run(0.2).metrics, point(0, 'bliss', 3, { round: 2 })] })).toMatchObject({ round: 1, outcome: 'wins' });
  });

  test('other arms may be named; without two arms there is none', () => {
    expect(verdictOf({ ...run(0.2), verdict: { arm: 'random', against: 'bliss' } })).toMatchObject({ outcome: 'loses', arm: 'random' });
    expect(verdictOf({ arms: [arms[0]], metrics: [] })).toMatchObject({ outcome: 'none', headline: expect.stringContaining('No verdict') });
    expect(verdictOf({ arms, metrics: [] })).toMatchObject({ outcome: 'none', headline: expect.stringContaining('not both evaluated') });
  });
});

test.each([['wins', 0.12], ['loses', -0.12], ['undecided', 0.001]] as const)('a report of a run that %s says so before anything else, and in its title', (outcome, gain) => {
  const data: ReportData = exampleReport({ gain: (seed) => gain + 0.02 * Math.sin(3 * seed) });
  const verdict = verdictOf(data);
  expect(verdict.outcome).toBe(outcome);
  const page = buildReport(data);
  const body = page.slice(page.indexOf('<main>'));
  expect(/<title>(.*?)<\/title>/.exec(page)?.[1]).toBe(`demo: ${verdict.headline}`);
  expect(body.indexOf(verdict.headline)).toBeGreaterThan(0);
  expect(body.indexOf(verdict.headline)).toBeLessThan(body.indexOf('<section'));
  expect(body.includes(`class="verdict ${outcome}"`)).toBe(true);
});
