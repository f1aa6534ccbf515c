import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { buildReport } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

const data = exampleReport({ seeds: [0, 1] });
const cells = (html: string): string[][] => {
  const tables = [...(parseHTML(html).document.getElementById('results')?.parentElement?.querySelectorAll('table') ?? [])];
  const numbers = tables.find((one) => one.textContent?.includes('perplexity'));
  return [...(numbers?.querySelectorAll('tr') ?? [])].map((row) => [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent ?? ''));
};

test('losses are also told in bits a byte of text: nats over ln 2, times tokens over bytes of that seed’s set', () => {
  const [head, first] = cells(buildReport({ ...data, textBytes: [{ seed: 0, set: 'test', tokens: 1_000, bytes: 3_200 }, { seed: 1, set: 'test', tokens: 10, bytes: 40 }, { seed: 0, set: 'tuning', tokens: 1, bytes: 1 }] }));
  const at = head.indexOf('bits a byte');
  const [{ loss }] = data.metrics;
  expect(Number(first[at])).toBeCloseTo(Math.log2(Math.exp(loss)) * (1_000 / 3_200), 3);
  expect(cells(buildReport(data))[0]).not.toContain('bits a byte');
});
