import { describe, expect, test } from 'vitest';
import { buildReport, compareArms, type EvaluationPoint, type ReportData } from '../../lib/report/index.js';
import { leadText } from '../../lib/report/lead.js';
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

describe('an arm of selector oracle', () => {
  const withOracle = [...arms, { name: 'ceiling', selector: 'oracle' }];
  // gains of ours 0.3 and 0.1, of grams −0.1 and −0.2, of the ceiling 0.5 and 0.3
  const losses: readonly (readonly [seed: number, ...byArm: number[]])[] = [[0, 4.7, 5, 5.1, 4.5], [1, 4.9, 5, 5.2, 4.7]];
  const gains = losses.flatMap(([seed, ...own]) => own.map((loss, i) => point(seed, withOracle[i].name, 1, loss)));

  test('is what the gains of others are a share of: mean gain over mean gain, of the seeds that have both', () => {
    const [ours, chance, grams, ceiling] = compareArms({ arms: withOracle, metrics: gains, comparison });
    expect(ours.ofOracle?.share).toBeCloseTo(0.2 / 0.4, 12); // the mean of 0.3/0.5 and 0.1/0.3 is another
    expect(ours.ofOracle?.seeds).toBe(2);
    expect(grams.ofOracle?.share).toBeCloseTo(-0.15 / 0.4, 12);
    expect(ceiling.ofOracle?.share).toBe(1);
    expect(chance.ofOracle).toBeUndefined();
    const [partly] = compareArms({ arms: withOracle, metrics: gains.filter(({ seed, arm }) => !(seed === 1 && arm === 'ceiling')), comparison });
    expect(partly.ofOracle).toMatchObject({ seeds: 1 });
    expect(partly.ofOracle?.share).toBeCloseTo(0.3 / 0.5, 12);
    expect(compareArms({ arms, metrics, comparison })[0].ofOracle).toBeUndefined();
  });

  test('that gained nothing, or stands after another round, has no share to give', () => {
    const nothing = gains.map((one) => (one.arm === 'ceiling' ? { ...one, loss: 5.01 } : one));
    expect(compareArms({ arms: withOracle, metrics: nothing, comparison })[0].ofOracle?.share).toBeNaN();
    const later = [...gains, ...['ours', 'chance', 'grams'].flatMap((arm) => [0, 1].map((seed) => point(seed, arm, 2, 5)))];
    expect(compareArms({ arms: withOracle, metrics: later, comparison })[0].ofOracle).toMatchObject({ seeds: 0 });
  });

  test('has its column in the report, and does not count among the arms that ours is ahead of', () => {
    const text = buildReport({ ...exampleReport(), arms: withOracle, metrics: gains, comparison });
    expect(text).toContain('share of the gain of ceiling');
    expect(text).toContain('50.0\u00a0%');
    expect(text).toContain('lower loss than 2 of 2 other arms');
    expect(text).toContain('The oracle, a ceiling, is not counted.');
    expect(buildReport({ ...exampleReport(), arms, metrics, comparison })).not.toContain('share of the gain');
  });
});

describe('how far ours is ahead', () => {
  const seeded = (arm: string, losses: readonly number[]): EvaluationPoint[] => losses.map((loss, seed) => point(seed, arm, 1, loss));
  const of = [...seeded('ours', [4.8, 4.9, 4.7]), ...seeded('chance', [5, 5.1, 4.9]), ...seeded('grams', [4.81, 4.88, 4.74])];

  test('is paired by seed, arm by arm, with the t interval over seeds', () => {
    const [ours, chance, grams] = compareArms({ arms, metrics: of, comparison });
    expect(ours.lead).toBeUndefined();
    expect(chance.lead?.difference).toBeCloseTo(0.2, 12);
    // 0.01, −0.02, 0.04: mean 0.01, s = 0.03, s/√3 = 0.017321, t(2) = 4.303
    expect(grams.lead?.difference).toBeCloseTo(0.01, 12);
    expect(grams.lead?.interval?.[0]).toBeCloseTo(0.01 - 4.303 * 0.0173205, 6);
    expect(grams.lead?.interval?.[1]).toBeCloseTo(0.01 + 4.303 * 0.0173205, 6);
    expect(grams.lead?.seeds.filter(({ difference }) => difference > 0)).toHaveLength(2);
  });

  test('is said in a sentence that names every arm it is not sure of', () => {
    expect(leadText(compareArms({ arms, metrics: of, comparison }))).toBe('ours has a lower loss than 2 of 2 other arms, and the 95% interval of the difference lies above 0 for 1 of 2: not for grams (0.0100, −0.0645 to 0.0845). Each interval stands for itself: none is corrected for the number of arms.');
    expect(leadText(compareArms({ arms: arms.slice(1), metrics: of, comparison }))).toBeUndefined();
    expect(leadText(compareArms({ arms, metrics: [], comparison: { overlaps: [], costs: [], tokens: { warmUp: 0, round: 1 } } }))).toBeUndefined();
  });
});

describe('what choosing costs', () => {
  const costs = [
    { arm: 'ours', seconds: 800, flops: 8, perRound: { seconds: 90, flops: 4 } },
    { arm: 'chance', seconds: 1, flops: 0, perRound: { seconds: 0, flops: 0 } },
    { arm: 'grams', seconds: 10, flops: 0, perRound: { seconds: 10, flops: 0 } },
  ];
  const paid = { ...comparison, costs };

  test('is held against the gain: nats for an hour of choosing in all rounds', () => {
    const [ours, chance, grams] = compareArms({ arms, metrics, comparison: paid });
    expect(ours.gainPerHour).toBeCloseTo(0.3 / ((3 * 90) / 3600), 9);
    expect(grams.gainPerHour).toBeCloseTo(-0.1 / ((3 * 10) / 3600), 9);
    expect(chance.gainPerHour).toBeUndefined();
    const unknown = { ...comparison, costs: costs.map((one) => ({ ...one, perRound: { seconds: null, flops: 4 } })) };
    expect(compareArms({ arms, metrics, comparison: unknown })[0]).toMatchObject({ perRound: { seconds: null } });
    expect(compareArms({ arms, metrics, comparison: unknown })[0].gainPerHour).toBeUndefined();
    expect(buildReport({ ...exampleReport(), arms, metrics, comparison: unknown })).toContain('not known');
  });

  test('stands beside the gain, and in a figure of the arms that have both', () => {
    const text = buildReport({ ...exampleReport(), arms, metrics, comparison: paid });
    expect(text).toContain('Gain and cost');
    expect(text).toContain('ours 0.3000 for 1 min 30 s, grams −0.1000 for 10.0 s');
    expect(text).toContain('log scale');
    expect(buildReport({ ...exampleReport(), arms, metrics, comparison: { ...comparison, costs: costs.slice(0, 2) } })).not.toContain('Gain and cost');
  });
});
