import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson } from '../../../cli/runs.js';
import { usedArtifacts } from '../../../cli/used-artifacts.js';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { openHome, type Home } from '../../../lib/home.js';
import { place } from '../bliss.js';

const usedIn = (home: Home): ReturnType<typeof usedArtifacts> => usedArtifacts({ home, store: openStore({ blobs: fileBlobs({ root: home.store }) }) });

test('a run is there for as long as its folder is, whatever the folder still says', async () => {
  const home = openHome(place().home);
  mkdirSync(home.run('without-record').root, { recursive: true });
  symlinkSync(path.join(home.root, 'a disk that is not mounted'), home.run('elsewhere').root);
  writeFileSync(path.join(home.runs, '.DS_Store'), '');
  const { runs, open } = await usedIn(home);
  expect([...runs].toSorted()).toEqual(['elsewhere', 'without-record']);
  expect(open).toEqual(runs);
});

test('of a run that is done the checkpoints stay that it asked to keep, and all of them where its folder does not say which', async () => {
  const home = openHome(place().home);
  const { config } = loadConfig({ source: 'smoke', overrides: ['worker.keepCheckpointsEvery=10'], cwd: '/' });
  for (const run of ['done', 'torn']) {
    mkdirSync(home.run(run).root, { recursive: true });
    writeFileSync(home.run(run).outcome, JSON.stringify({ state: 'done', finishedAt: '2026-01-01T00:00:00.000Z' }));
    writeFileSync(home.run(run).input, JSON.stringify({ run, config, configFolder: '/', scope: '' }).slice(0, run === 'torn' ? 100 : undefined));
  }
  expect(readJson(home.run('torn').input)).toBeUndefined();
  const { open, keepEvery } = await usedIn(home);
  expect([...open]).toEqual(['torn']);
  expect([...keepEvery]).toEqual([['done', 10]]);
});
