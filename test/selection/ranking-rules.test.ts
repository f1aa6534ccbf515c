import { describe, expect, test } from 'vitest';
import { countOf, gumbelTopK, middle, openRankingRule, randomRule, topK, topKFloat16 } from '../../lib/selection/index.js';
import { candidates, rankingRuleConformance } from './conformance.js';
import { selectInFiles } from './in-files.js';
import { selectInMemory } from './in-memory.js';

rankingRuleConformance('top-k', () => topK());
rankingRuleConformance('top-k-float16', () => topKFloat16());
rankingRuleConformance('gumbel-top-k', (seed) => gumbelTopK({ temperature: 0.5, seed }));
rankingRuleConformance('gumbel-top-k', (seed) => gumbelTopK({ temperature: 0.5, temperatureIn: 'deviations', seed }), { finite: true });
rankingRuleConformance('middle', () => middle());
rankingRuleConformance('random', (seed) => randomRule({ seed }));

test('middle takes the mean of the two for the median of an even number', async () => {
  const of = (...logits: number[]): Promise<number[]> => selectInFiles({ rule: middle(), candidates: { ids: logits.map(String), logits: Float32Array.from(logits) }, count: 2 });
  expect((await of(0, 1, 10, 20)).toSorted((a, b) => a - b)).toEqual([1, 2]); // 5.5, from which 0 is farther
  expect((await of(0, 1, 10)).toSorted((a, b) => a - b)).toEqual([0, 1]);
});

describe('top-k', () => {
  test('is a full sort by logit descending, then id ascending', async () => {
    const all = candidates('sort', 2_000);
    const reference = all.ids.map((id, i) => ({ i, id, logit: all.logits[i] })).sort((a, b) => b.logit - a.logit || a.id.localeCompare(b.id, 'en'));
    for (const count of [1, 400, 1_999]) expect(await selectInFiles({ rule: topK(), candidates: all, count })).toEqual(reference.slice(0, count).map(({ i }) => i));
  });

  test('tells apart logits whose sigmoids are the same float32', async () => {
    const logits = Float32Array.of(20, 25, 30, -1);
    const sigmoid = Float32Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
    expect(sigmoid[0]).toBe(sigmoid[2]);
    expect(await selectInFiles({ rule: topK(), candidates: { ids: ['a', 'b', 'c', 'd'], logits }, count: 3 })).toEqual([2, 1, 0]);
  });

  test('infinite logits have an order', async () => {
    const logits = Float32Array.of(-Infinity, Infinity, 0, Infinity, -0);
    expect(await selectInFiles({ rule: topK(), candidates: { ids: ['e', 'd', 'c', 'b', 'a'], logits }, count: 5 })).toEqual([3, 1, 4, 2, 0]);
  });

  test('a score that is no number, or missing, is an error that names the row', async () => {
    const ids = ['a', 'b'];
    await expect(selectInFiles({ rule: topK(), candidates: { ids, logits: Float32Array.of(1, NaN) }, count: 1 })).rejects.toThrow(/^b: the score of the row is no number/);
    await expect(selectInFiles({ rule: topK(), candidates: { ids }, count: 1 })).rejects.toThrow(/a score of each of 2 rows, 0 came/);
    await expect(selectInFiles({ rule: gumbelTopK({ temperature: 1, seed: '' }), candidates: { ids, logits: Float32Array.of(1) }, count: 1 })).rejects.toThrow(/2 rows, 1 came/);
  });
});

describe('top-k-float16', () => {
  test('scores that float16 does not tell apart tie, by id', async () => {
    // steps of float16 in [0.5, 1) are 2^-11; sigmoid(0.4) = 0.5987, between 1226 and 1227 of them
    const logits = Float32Array.of(0.4, 0.4003, 0.41, 12, 9, 0.39);
    const sigmoid = Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
    const steps = sigmoid.map((x) => Math.round(x * 2 ** 11));
    expect(steps).toEqual([1226, 1226, 1231, 2048, 2048, 1221]);
    const ids = ['d', 'c', 'e', 'z', 'a', 'b'];
    expect((await selectInFiles({ rule: topKFloat16(), candidates: { ids, logits }, count: 6 })).map((i) => ids[i])).toEqual(['a', 'z', 'e', 'c', 'd', 'b']);
    expect((await selectInFiles({ rule: topK(), candidates: { ids, logits }, count: 6 })).map((i) => ids[i])).toEqual(['z', 'a', 'e', 'c', 'd', 'b']);
  });

  test('ranks low scores by the finer steps that float16 has there', async () => {
    const ids = ['a', 'b', 'c'];
    const logits = Float32Array.of(-6, -5.999, -20);
    expect(await selectInFiles({ rule: topKFloat16(), candidates: { ids, logits }, count: 3 })).toEqual([1, 0, 2]);
  });
});

describe('gumbel-top-k', () => {
  test('without temperature is top-k', async () => {
    const all = candidates();
    expect(await selectInFiles({ rule: gumbelTopK({ temperature: 0, seed: 'x' }), candidates: all, count: 100 })).toEqual(await selectInFiles({ rule: topK(), candidates: all, count: 100 }));
  });

  test('the first row is drawn from softmax(logits / temperature)', () => {
    const logits = Float32Array.of(0, 0.5, 1, -1);
    const temperature = 0.5;
    const weights = Array.from(logits, (logit) => Math.exp(logit / temperature));
    const total = weights.reduce((a, b) => a + b);
    const draws = 20_000;
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < draws; draw++) counts[selectInMemory({ rule: gumbelTopK({ temperature, seed: String(draw) }), candidates: { ids: ['a', 'b', 'c', 'd'], logits }, count: 1 })[0]]++;
    weights.forEach((weight, i) => {
      const expected = weight / total;
      expect(Math.abs(counts[i] / draws - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / draws));
    });
  });

  test('a temperature in deviations is one in logits times their standard deviation, so that a scale changes nothing', async () => {
    const drawn = candidates('deviations', 500);
    const all = { ...drawn, logits: drawn.logits.map((logit) => 3 * logit) };
    const mean = all.logits.reduce((a, b) => a + b, 0) / 500;
    const deviation = Math.sqrt(all.logits.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / 500);
    expect(deviation).toBeGreaterThan(2);
    const select = (logits: Float32Array, temperature: number, temperatureIn: 'logits' | 'deviations') => selectInFiles({ rule: gumbelTopK({ temperature, temperatureIn, seed: 'x' }), candidates: { ...all, logits }, count: 100 });
    const wanted = await select(all.logits, 0.5 * deviation, 'logits');
    expect(await select(all.logits, 0.5, 'deviations')).toEqual(wanted);
    expect(await select(all.logits, 0.5, 'logits')).not.toEqual(wanted);
    expect(await select(all.logits.map((logit) => 8 * logit - 3), 0.5, 'deviations')).toEqual(wanted);
    expect(await selectInFiles({ rule: openRankingRule({ method: 'gumbel-top-k', temperature: 0.5, temperatureIn: 'deviations', seed: 'x' }), candidates: all, count: 100 })).toEqual(wanted);
  });

  test('a temperature in deviations of infinite scores is an error', async () => {
    const rule = gumbelTopK({ temperature: 1, temperatureIn: 'deviations', seed: '' });
    await expect(selectInFiles({ rule, candidates: { ids: ['a', 'b'], logits: Float32Array.of(1, Infinity) }, count: 1 })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringMatching(/^1 scores are infinite/) as string });
  });

  test('a row’s noise is of its id and the seed', () => {
    const all = candidates();
    const a = selectInMemory({ rule: gumbelTopK({ temperature: 2, seed: 'a' }), candidates: all, count: 100 });
    expect(selectInMemory({ rule: gumbelTopK({ temperature: 2, seed: 'b' }), candidates: all, count: 100 })).not.toEqual(a);
  });
});

describe('random', () => {
  test('every row is equally likely, over seeds', () => {
    const { ids } = candidates('uniform', 50);
    const counts = new Float64Array(50);
    const draws = 4_000;
    for (let draw = 0; draw < draws; draw++) for (const i of selectInMemory({ rule: randomRule({ seed: `s${draw}` }), candidates: { ids }, count: 10 })) counts[i]++;
    // chi-square of 49 degrees of freedom, scaled as rows are drawn without replacement: 99.99% below 98
    const expected = draws / 5;
    const chi2 = counts.reduce((sum, count) => sum + (count - expected) ** 2 / (expected * 0.8), 0) * (49 / 50);
    expect(chi2).toBeLessThan(98);
    expect(chi2).toBeGreaterThan(20);
  });

  test('choices of two seeds overlap as chance has it', () => {
    const { ids } = candidates('overlap', 5_000);
    const [a, b] = ['0', '1'].map((seed) => new Set(selectInMemory({ rule: randomRule({ seed }), candidates: { ids }, count: 1_000 })));
    const both = [...a].filter((i) => b.has(i)).length;
    expect(Math.abs(both - 200)).toBeLessThan(50); // 4 standard deviations of the hypergeometric distribution
  });

  test('needs no scores', async () => {
    expect(await selectInFiles({ rule: randomRule({ seed: '0' }), candidates: { ids: ['a', 'b'] }, count: 1 })).toHaveLength(1);
  });
});

test('rules open by name; a fraction of a group is at least one row', () => {
  for (const method of ['top-k', 'top-k-float16', 'gumbel-top-k', 'random'] as const) expect(openRankingRule({ method, temperature: 1, seed: '' }).name).toBe(method);
  expect([countOf(4_096, 0.2), countOf(10, 0.01), countOf(3, 1)]).toEqual([819, 1, 3]);
});
