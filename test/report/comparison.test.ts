import { describe, expect, test } from 'vitest';
import { buildReport, compareArms, type EvaluationPoint, type ReportData } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

const point = (seed: number, arm: string, round: number, loss: number): EvaluationPoint => ({ seed, arm, round, set: 'test', loss, lossStandardError: 0.01, pairedStandardError: 0.001, perplexity: Math.exp(loss), lastWordLoss: loss, lastWordAccuracy: 0, lastWordAccuracyStandardError: 0 });
const arms = [{ name: 'ours', selector: 'bliss' }, { name: 'chance', selector: 'random' }, { name: 'grams', selector: 'dsir' }];
const comparison: ReportData['comparison'] = { overlaps: [{ a: 'ours', b: 'grams', share: 0.625 }, { a: 'grams', b: 'ours', share: 0.5 }], costs: [{ arm: 'ours', seconds: 100, flops: 1e12 }, { arm: 'grams', seconds: 3, flops: 0 }], tokens: { warmUp: 100, round: 200 } };
const metrics = [
  // chance ends with 5.0 at 100 + 3 · 200 = 700 tokens
  ...[5.6, 5.2, 5].map((loss, i) => point(0, 'chance', i + 1, loss)),
  // 5.1 at 500, 4.7 at 700: 5.0 after a quarter of the way, at 550
  ...[5.4, 5.1, 4.7].map((loss, i) => point(0, 'ours', i + 1, loss)),
  ...[5.5, 5.3, 5.1].map((loss, i) => point(0, 'grams', i + 1, loss)),
];

describe('arms side by side', () => {
  test('tokens to the random arm’s last loss lie between two evaluations, and none are told of an arm that did not come there', () => {
    const [ours, chance, grams] = compareArms({ arms, metrics, comparison });
    expect(ours.reached?.share).toBeCloseTo(550 / 700, 12);
    expect(ours.reached).toMatchObject({ seeds: 1, of: 1 });
    expect(chance.reached).toBeUndefined();
    expect(grams.reached).toMatchObject({ seeds: 0, of: 1 });
    expect(compareArms({ arms, metrics: metrics.map((one) => (one.arm === 'grams' ? { ...one, loss: one.loss - 1 } : one)), comparison })[2].reached?.share).toBeCloseTo(300 / 700, 12); // there after its first round
  });

  test('every arm is held against the random one, by seed', () => {
    const seconds = metrics.map((one) => ({ ...one, seed: 1, loss: one.loss + (one.arm === 'ours' ? 0.06 : 0.04) }));
    const [ours, chance, grams] = compareArms({ arms, metrics: [...metrics, ...seconds], comparison });
    expect(ours.verdict?.difference).toBeCloseTo((0.3 + 0.28) / 2, 12);
    // s/√n of 0.3 and 0.28, times Student's 12.706
    expect((ours.verdict?.interval?.[1] ?? 0) - (ours.verdict?.difference ?? 0)).toBeCloseTo(12.706 * 0.01, 6);
    expect(grams.verdict?.difference).toBeCloseTo(-0.1, 12);
    expect(chance.verdict).toBeUndefined();
    expect(ours).toMatchObject({ seconds: 100, flops: 1e12 });
    // of one seed the interval is that of the evaluation, paired by passage
    const [single] = compareArms({ arms, metrics, comparison });
    expect(single.verdict?.standardError).toBe(0.001);
  });

  test('stand in the report as a table, with what two selections share', () => {
    const text = buildReport({ ...exampleReport(), arms, metrics, comparison });
    expect(text).toContain('Arms side by side');
    expect(text).toMatch(/<td>ours<\/td><td>bliss<\/td>[^]*78\.6/);
    expect(text).toContain('not reached');
    expect(text).toMatch(/62\.5/);
    expect(text).toContain('−0.1000');
  });
});
