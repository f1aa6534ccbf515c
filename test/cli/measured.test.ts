import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { measuredIn } from '../../cli/plan/measured.js';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import { bilevelWork, ratingFlops } from '../../lib/stages/bilevel-work.js';
import { scoringWork, workOf } from '../../lib/stages/report/work.js';

const root = mkdtempSync(path.join(tmpdir(), 'measured-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { config } = loadConfig({ source: 'smoke', cwd: root });

/** A run whose bilevel stage went through `rows` rows a second. */
function leaveRun(run: string, of: RunConfig, rows: number, stage = 'seed-0/bliss/round-1/bilevel', home = root): void {
  const folder = openHome(home).run(run);
  mkdirSync(folder.root, { recursive: true });
  writeFileSync(folder.record, JSON.stringify({ run, workflowId: run, server: 'local', address: '', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' }));
  writeFileSync(folder.input, JSON.stringify({ config: of }));
  writeFileSync(folder.timings, `${JSON.stringify({ stage, attempt: 1, state: 'done', seconds: 1, step: 1, rate: { value: rows, unit: 'rows' } })}\n`);
}

test('speeds are those of the runs of the home that this version can count; one of a later version is passed over', () => {
  const { solver } = config.bilevel;
  leaveRun('ours', config, 10);
  leaveRun('later-solver', { ...config, bilevel: { ...config.bilevel, solver: { ...solver, method: 'since-later' as typeof solver.method } } }, 1_000);
  leaveRun('later-feature', { ...config, bilevel: { ...config.bilevel, score: { ...config.bilevel.score, features: ['since-later' as 'dsir'] } } }, 1_000);
  leaveRun('later-family', { ...config, models: { ...config.models, proxy: { ...config.models.proxy, architecture: 'since-later' as 'llama' } } as RunConfig['models'] }, 1_000);
  const nothing = { uri: '', sha256: '', size: 0, digest: '' };
  const work = workOf('bilevel', { bilevel: config.bilevel, models: config.models, sequenceLength: config.data.sequenceLength, corpus: nothing, group: 1, seed: '0', proxy: nothing, target: nothing, scorer: null, ...config.runtime }, config);
  expect(measuredIn(openHome(root)).seconds('bilevel', work)).toBeCloseTo(work.amount / 10, 9);
});

test('the speed of the steps is not taken for that of rating rows: a phase with features takes longer by what that is more', () => {
  const home = path.join(root, 'features');
  const featured = { ...config, bilevel: { ...config.bilevel, score: { ...config.bilevel.score, features: ['perplexity-low' as const] } } };
  leaveRun('featured', featured, 10, undefined, home);
  const work = bilevelWork(featured);
  const seconds = measuredIn(openHome(home)).seconds('bilevel', work) ?? 0;
  expect(seconds).toBeGreaterThan(work.amount / 10);
  expect(seconds).toBeCloseTo((work.amount / 10) * (work.flops / (work.flops - ratingFlops(featured))), 6);
});

test('scoring by n-grams says nothing of scoring by a model, and each has the passes that its scores take', () => {
  const home = path.join(root, 'scoring');
  const { config: arms } = loadConfig({ source: 'smoke', overrides: ['comparison.arms=[{name: d, selector: dsir}, {name: c, selector: color}, {name: r, selector: random}]'], cwd: root });
  leaveRun('grams', arms, 50_000, 'seed-0/d/round-1/scoring/shards-0-1', home);
  const shards = { first: 0, end: 1 };
  const workBy = (by: 'lexical' | 'color' | 'perplexity') => scoringWork({ models: arms.models, sequenceLength: arms.data.sequenceLength, shards, by }, arms);
  expect(measuredIn(openHome(home)).seconds('scoring', workBy('lexical'))).toBeCloseTo(workBy('lexical').amount / 50_000, 9);
  expect(measuredIn(openHome(home)).seconds('scoring', workBy('color'))).toBeUndefined();
  leaveRun('tuned', arms, 100, 'seed-0/c/round-1/scoring/shards-0-1', home);
  expect(measuredIn(openHome(home)).seconds('scoring', workBy('color'))).toBeCloseTo(workBy('color').amount / 100, 9);
  expect(measuredIn(openHome(home)).seconds('scoring', workBy('perplexity'))).toBeCloseTo(workBy('perplexity').amount / 200, 9); // one pass and not two
});
