import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { measuredIn } from '../../cli/plan/measured.js';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import { workOf } from '../../lib/stages/report/work.js';

const root = mkdtempSync(path.join(tmpdir(), 'measured-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { config } = loadConfig({ source: 'smoke', cwd: root });

/** A run whose bilevel stage went through `rows` rows a second. */
function leaveRun(run: string, of: RunConfig, rows: number): void {
  const folder = openHome(root).run(run);
  mkdirSync(folder.root, { recursive: true });
  writeFileSync(folder.record, JSON.stringify({ run, workflowId: run, server: 'local', address: '', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' }));
  writeFileSync(folder.input, JSON.stringify({ config: of }));
  writeFileSync(folder.timings, `${JSON.stringify({ stage: 'seed-0/bliss/round-1/bilevel', attempt: 1, state: 'done', seconds: 1, step: 1, rate: { value: rows, unit: 'rows' } })}\n`);
}

test('speeds are those of the runs of the home that this version can count; one of a later version is passed over', () => {
  const { solver } = config.bilevel;
  leaveRun('ours', config, 10);
  leaveRun('later-solver', { ...config, bilevel: { ...config.bilevel, solver: { ...solver, method: 'since-later' as typeof solver.method } } }, 1_000);
  leaveRun('later-family', { ...config, models: { ...config.models, proxy: { ...config.models.proxy, architecture: 'since-later' as 'llama' } } as RunConfig['models'] }, 1_000);
  const nothing = { uri: '', sha256: '', size: 0, digest: '' };
  const work = workOf('bilevel', { bilevel: config.bilevel, models: config.models, sequenceLength: config.data.sequenceLength, corpus: nothing, group: 1, seed: '0', proxy: nothing, target: nothing, scorer: null, ...config.runtime }, config);
  expect(measuredIn(openHome(root)).seconds('bilevel', work)).toBeCloseTo(work.amount / 10, 9);
});
