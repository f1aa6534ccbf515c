import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { gather } from '../../../lib/stages/report/report-data.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-report-data-'));
afterAll(() => rmSync(root, { recursive: true }));
const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
const { config } = loadConfig({ source: 'smoke', overrides: ['comparison.arms=[{name: bliss, selector: bliss}]'], cwd: root });

/** What the report is told of a bilevel stage of these metrics. */
async function told(name: string, lines: readonly object[], of = config) {
  const folder = path.join(root, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const ref = await store.publish({ kind: 'score-model', folder, digest: name, lineage: { stage: 'bilevel', stageVersion: 1, inputs: {} }, summary: {} });
  const stage = { stage: 'seed-0/bliss/round-1/bilevel', name: 'bilevel', seed: 0, arm: 'bliss', round: 1, results: [{ ref, summary: {}, cached: false }] } as const;
  return gather({ run: 'test', config: of, opened: [{ stage, artifacts: [await store.open(ref)] }], timings: [], temporaryFolder: path.join(root, 'separating') });
}

test('rank correlations are told of each step that measured one, however long the curve beside them is thinned', async () => {
  const steps = Array.from({ length: 1_300 }, (_, i) => ({ step: i + 1, upperLoss: 5, lowerLoss: 5, hypergradientNorm: 1, zNorm: 1, ...((i + 1) % 250 === 0 ? { rankCorrelation: 1 - 1 / (i + 1) } : {}) }));
  const { bilevel: [curve], separations } = await told('measured', steps);
  expect(curve.points.length).toBeLessThan(500);
  expect(curve.ranks).toEqual([250, 500, 750, 1_000, 1_250].map((step) => ({ step, correlation: 1 - 1 / step })));
  expect(separations).toBeUndefined(); // nothing was scored
});

test('where none was measured there is none, and a ranking of ties alone has no number', async () => {
  const step = { step: 1, upperLoss: 5, lowerLoss: 5, hypergradientNorm: 1, zNorm: 1 };
  expect((await told('not-measured', [step])).bilevel[0]).not.toHaveProperty('ranks');
  expect((await told('ties', [{ ...step, rankCorrelation: Number.NaN }])).bilevel[0]).not.toHaveProperty('ranks');
});

test('the correlation at which learning stops by itself is that of the configuration', async () => {
  const stopping = { ...config, bilevel: { ...config.bilevel, stopAt: { rankCorrelation: 0.97, every: 20 } } };
  expect(await told('stopping', [], stopping)).toMatchObject({ stopsAt: 0.97 });
  expect(await told('to-the-end', [])).not.toHaveProperty('stopsAt');
});
