import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFinishedStagesActivities } from '../../activities/index.js';
import { digestJson, fileBlobs, heldBy, openStore } from '../../lib/artifacts/index.js';
import { openHome, type Home } from '../../lib/home.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import type { FinishedStage, StageName } from '../../lib/stages/types.js';

let home: Home;
beforeEach(() => {
  home = openHome(mkdtempSync(path.join(tmpdir(), 'bliss-finished-')));
  mkdirSync(home.run('run').root, { recursive: true });
});
afterEach(() => rmSync(home.root, { recursive: true, force: true }));

function finished(stage: string, name: StageName, parts = 1, summary: Record<string, unknown> = {}): FinishedStage {
  const results = Array.from({ length: parts }, (_, i) => {
    const digest = digestJson({ stage, i });
    return { ref: { uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest }, summary, cached: false };
  });
  return { stage, name, seed: 0, arm: null, round: null, results };
}

test('what was kept before and what has finished since are kept together, in canonical order, without what the run does not have', async () => {
  const store = openStore({ blobs: fileBlobs({ root: home.store }) });
  const { keepFinished } = createFinishedStagesActivities({ store, home });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((stage) => finished(stage, 'training'));
  const order = ['a', 'b', 'c'];
  const first = await keepFinished({ run: 'run', known: null, stages: [c, d], order });
  const second = await keepFinished({ run: 'run', known: first, stages: [b, a], order });
  expect(await readFinishedStages({ store, ref: first })).toEqual([c]);
  expect(await readFinishedStages({ store, ref: second })).toEqual([a, b, c]);
  // garbage collection sees both, and through their lineage what the stages made
  expect(await heldBy({ blobs: store.blobs, run: 'run' })).toEqual([first, second].map(({ uri }) => ({ run: 'run', stage: 'kept', uri })));
  const { manifest } = await store.open(second);
  expect(Object.values(manifest.lineage.inputs).map(({ sha256 }) => sha256)).toEqual([a, b, c].map(({ results: [{ ref }] }) => ref.sha256));
});

test('they come back page by page, each below what the server takes in one piece, with no more than later stages need', async () => {
  const store = openStore({ blobs: fileBlobs({ root: home.store }) });
  const { keepFinished, knownStages } = createFinishedStagesActivities({ store, home });
  const facts = { shards: [1, 2, 3], text: 'x'.repeat(1_000) };
  const stages = [finished('seed-0/prepare', 'prepare', 1, facts), ...Array.from({ length: 12 }, (_, i) => finished(`seed-0/bliss/round-${i + 1}/scoring`, 'scoring', 900, facts))];
  const known = await keepFinished({ run: 'run', known: null, stages, order: stages.map(({ stage }) => stage) });
  const back = [];
  for (let page = 0, more = true; more; page++) {
    const read = await knownStages({ known, page });
    expect(JSON.stringify(read).length).toBeLessThan(1_500_000);
    back.push(...read.stages);
    more = read.more;
    expect(page).toBeLessThan(20);
  }
  expect(back.map(({ stage }) => stage)).toEqual(stages.map(({ stage }) => stage));
  expect(back.flatMap(({ results }) => results.map(({ ref }) => ref))).toEqual(stages.flatMap(({ results }) => results.map(({ ref }) => ref)));
  expect(back[0].results[0].summary).toEqual({ shards: [1, 2, 3] });
  expect(back[1].results[0].summary).toEqual({});
});
