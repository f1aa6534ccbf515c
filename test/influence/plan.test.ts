import { describe, expect, test } from 'vitest';
import { influenceTargets, probePlan, regressionSteps, spearman } from '../../lib/influence/index.js';

test("Spearman's rank correlation, with ties as SciPy has it", () => {
  expect(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.820_782_681_668_123_3, 12); // scipy.stats.spearmanr's own example
  expect(spearman([1, 2, 3], [10, 100, 1000])).toBe(1);
  expect(spearman([1, 2, 3], [3, 2, 1])).toBe(-1);
  expect(spearman([1, 1, 1], [3, 2, 1])).toBeNaN();
});

test('targets are deviations above the mean of those that are learnt from, whatever is held out', () => {
  const { mean, deviation, of } = influenceTargets([1, 2, 3, 6]);
  expect(mean).toBe(3);
  expect(deviation).toBeCloseTo(Math.sqrt(14 / 4), 12); // n in the denominator
  expect([1, 2, 3, 6].reduce((sum, one) => sum + of(one) ** 2, 0)).toBeCloseTo(4, 12);
  expect(of(10)).toBeCloseTo(7 / Math.sqrt(14 / 4), 12);
  expect(of(2)).toBeLessThan(0); // larger stays better
  expect(() => influenceTargets([2, 2, 2])).toThrow(/all 3 probed rows have the same influence; raise it/);
});

describe('the plan of probes', () => {
  const settings = { probes: 100, heldOutFraction: 0.13, epochs: 3, batchSize: 8 };
  const plan = probePlan({ rows: 1_000, settings, seed: '0/round-1' });

  test('is a uniform sample of the group, of which some are kept from the regression', () => {
    expect(plan.rows).toHaveLength(100);
    expect(plan.heldOut).toHaveLength(13);
    expect(plan.fitted).toHaveLength(87);
    expect(Array.from([...plan.fitted, ...plan.heldOut]).toSorted((a, b) => a - b)).toEqual(Array.from(plan.rows));
    for (const rows of [plan.rows, plan.fitted, plan.heldOut]) expect(Array.from(rows)).toEqual([...new Set(rows)].toSorted((a, b) => a - b));
    expect(plan.rows[99]).toBeLessThan(1_000);
    // uniform: 100 of 1,000, by halves 50 ± 5
    expect(Math.abs(plan.rows.filter((row) => row < 500).length - 50)).toBeLessThan(20);
    expect(plan.steps).toBe(33); // 261 rows in eights
    expect(regressionSteps(settings)).toBe(33);
  });

  test('is the seed’s: the same again, another for another', () => {
    expect(probePlan({ rows: 1_000, settings, seed: '0/round-1' })).toEqual(plan);
    expect(probePlan({ rows: 1_000, settings, seed: '0/round-2' }).rows).not.toEqual(plan.rows);
  });

  test('is refused where rows are lacking', () => {
    expect(() => probePlan({ rows: 99, settings, seed: '' })).toThrow(/mates.probes: 100 rows shall be probed, and the group has 99; lower it/);
    expect(() => probePlan({ rows: 1_000, settings: { ...settings, batchSize: 88 }, seed: '' })).toThrow(/mates.batchSize: of 100 probes 87 are left to learn from/);
    expect(probePlan({ rows: 10, settings: { probes: 10, heldOutFraction: 0.01, epochs: 1, batchSize: 8 }, seed: '' }).heldOut).toHaveLength(2);
  });
});
