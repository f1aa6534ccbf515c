import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { openScratch } from '../../../lib/stages/execution/scratch.js';
import type { StageContext } from '../../../lib/stages/types.js';
import { call, checkpointsOf, place } from './plain-stage.js';

/** What surrounds every stage. */
const save = (context: StageContext): Promise<void> => context.checkpoint({ step: 1, files: () => ({ state: 'half-way' }) });

test('says what it does when reading inputs, saving or publishing takes long, and leaves it at that once a step counts', async () => {
  const phases: string[] = [];
  const slowly = (): Promise<void> => wait(1_300);
  await call({
    root: place(),
    run: 'a',
    attempt: 1,
    keyParts: slowly,
    work: async (context) => {
      await save(context);
      await context.checkpoint({ step: 2, files: () => ({ state: '' }) }); // waits for the one before
      await context.progress({ step: 3, of: 4 });
      await slowly(); // a stage's own work tells of itself
    },
    hooks: { onPhase: async (phase) => void phases.push(phase), onMetrics: slowly },
  });
  expect(phases).toEqual(['checking its inputs', 'saving a checkpoint at step 2', 'publishing its result']);
});

test('a stage that another run finished meanwhile leaves no checkpoints of its own behind', async () => {
  const root = place();
  const broken = call({ root, run: 'a', attempt: 1, work: async (context) => (await save(context), Promise.reject(new Error('the machine went away'))) });
  await expect(broken).rejects.toThrow('the machine went away');
  expect(checkpointsOf(root, 'a')).toHaveLength(1);
  await call({ root, run: 'b', attempt: 1 });
  expect((await call({ root, run: 'a', attempt: 2 })).cached).toBe(true);
  expect(checkpointsOf(root, 'a')).toEqual([]);
});

test('a run that begins afresh finds what was finished under its own scope alone, and leaves it to no other', async () => {
  const root = place();
  const cached = async (run: string, scope: string): Promise<boolean> => (await call({ root, run, attempt: 1, scope })).cached;
  expect(await cached('before', '')).toBe(false);
  expect(await cached('fresh', 'fresh')).toBe(false);
  expect(await cached('fresh', 'fresh')).toBe(true);
  expect(await cached('another', 'another')).toBe(false);
  expect(await cached('after', '')).toBe(true);
});

test('a note that was mixed up with another stage’s is not taken: the stage is computed again, and its log says so', async () => {
  const root = place();
  const one = await call({ root, run: 'a', attempt: 1, keyParts: async () => 'one' });
  const other = await call({ root, run: 'a', attempt: 1, keyParts: async () => 'other' });
  expect(other.ref.digest).toBe(one.ref.digest); // as alike as can be
  const notes = path.join(root, 'store', 'stages');
  const [first, second] = readdirSync(notes).map((name) => path.join(notes, name));
  copyFileSync(first, second);
  const events: string[] = [];
  const again = async (what: string) => call({ root, run: 'b', attempt: 1, keyParts: async () => what, hooks: { onEvent: ({ name, detail }) => events.push(`${name}: ${detail}`) } });
  const results = [await again('one'), await again('other')];
  expect(results.filter(({ cached }) => cached)).toHaveLength(1);
  expect(results.map(({ ref }) => ref)).toEqual([one.ref, other.ref]);
  expect(events).toEqual([expect.stringMatching(/^computed again: its result is on record, but store:artifacts\/\w+\/manifest\.json: the artifact was made under another key, \w{64}$/)]);
});

test('goes on with the metrics of a stage of very many steps', async () => {
  const root = place();
  const lines = 200_000;
  const broken = call({
    root,
    run: 'a',
    attempt: 1,
    work: async (context) => {
      for (let step = 1; step <= lines; step++) context.metrics({ step });
      await save(context);
      throw new Error('killed');
    },
  });
  await expect(broken).rejects.toThrow('killed');
  const { ref } = await call({ root, run: 'a', attempt: 2, work: async (context) => context.metrics({ step: lines + 1 }) });
  const metrics = await readFile(await (await openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) }).open(ref)).file('metrics.jsonl'), 'utf8');
  expect(metrics.split('\n')).toHaveLength(lines + 2);
});

test('folders of killed attempts go with the next one; those of the living and of other machines stay', async () => {
  const root = place();
  const living = await openScratch(root);
  writeFileSync(path.join(living.folder, 'checkpoint'), 'half');
  const machine = path.basename(living.folder).split('-')[1];
  const { pid } = spawnSync('true');
  const killed = path.join(root, `stage-${machine}-${pid}-1-AbCdEf`);
  // a number that was given anew: this very process did not begin one tick after the boot
  const reused = path.join(root, `stage-${machine}-${process.pid}-1-AbCdEf`);
  for (const folder of [killed, reused]) {
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'checkpoint'), 'half');
  }

  const elsewhere = path.join(root, 'stage-0123456789ab-1-1-AbCdEf');
  const old = path.join(root, 'stage-0123456789ab-1-1-GhIjKl');
  for (const folder of [elsewhere, old]) mkdirSync(folder);
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(old, longAgo, longAgo);
  const next = await openScratch(root);
  expect(readdirSync(root).toSorted()).toEqual([living.folder, elsewhere, next.folder].map((folder) => path.basename(folder)).toSorted());
  await living.remove();
  await next.remove();
  expect(readdirSync(root)).toEqual([path.basename(elsewhere)]);
});
