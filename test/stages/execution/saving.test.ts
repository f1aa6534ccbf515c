import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { checkpoints, fileBlobs, openStore, type Blobs } from '../../../lib/artifacts/index.js';
import { throwIfStopped } from '../../../lib/stages/execution/execute.js';
import type { StageContext } from '../../../lib/stages/types.js';
import { mountSmall } from '../../needs/machine.js';
import { call, checkpointsOf, place } from './plain-stage.js';

/** Checkpoints saved while the stage goes on. */
const save = (context: StageContext, step: number): Promise<void> => context.checkpoint({ step, files: () => ({ state: `after ${step}` }) });

/** Steps until something throws. */
async function stepOn(context: StageContext): Promise<void> {
  for (;;) {
    await turn();
    await context.progress({ step: 2, of: 3 });
  }
}

const onlyHere = ({ putIfAbsent, getRange, list, delete: remove, localFile }: Blobs): Blobs => ({ putIfAbsent, getRange, list, delete: remove, localFile });

test.each([
  { saved: 'on another thread', wrap: (blobs: Blobs) => blobs, order: ['goes on', 'told with 1 published'] },
  { saved: 'here, where no other thread can open the blobs', wrap: onlyHere, order: ['told with 1 published', 'goes on'] },
])('$saved, a checkpoint is told of when it is published', async ({ wrap, order }) => {
  const root = place();
  const events: string[] = [];
  await call({
    root,
    run: 'a',
    attempt: 1,
    wrap,
    work: async (context) => {
      await save(context, 1);
      events.push('goes on');
    },
    hooks: { onCheckpoint: async () => void events.push(`told with ${checkpointsOf(root, 'a').length} published`) },
  });
  expect(events).toEqual(order);
});

test('holds what was there when it was taken, whatever is done to it while it is written', async () => {
  const root = place();
  const file = async (context: StageContext, name: string): Promise<Buffer> => readFile((await context.resume?.artifact.file(name)) ?? '');
  const rows = Uint8Array.of(1, 2, 3);
  const weights = Float32Array.of(0.5, 0.25);
  const shared = Float32Array.of(7, 8, 9);
  const bytes = (array: Float32Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const broken = call({
    root,
    run: 'a',
    attempt: 1,
    work: async (context) => {
      context.metrics({ step: 1 });
      await context.checkpoint({ step: 1, files: () => ({ rows, weights: { given: [Uint8Array.of(42), bytes(weights), bytes(shared.subarray(1))] } }) });
      context.metrics({ step: 2 });
      rows.fill(0);
      shared.fill(0);
      expect(weights).toHaveLength(0); // moved, not copied
      throw new Error('killed');
    },
  });
  await expect(broken).rejects.toThrow('killed');
  let resumed = 0;
  await call({
    root,
    run: 'a',
    attempt: 2,
    work: async (context) => {
      resumed = context.resume?.step ?? 0;
      expect([...(await file(context, 'rows'))]).toEqual([1, 2, 3]);
      const stored = await file(context, 'weights');
      expect([stored[0], ...[0, 1, 2, 3].map((i) => stored.readFloatLE(1 + 4 * i))]).toEqual([42, 0.5, 0.25, 8, 9]);
      expect((await file(context, 'metrics.jsonl')).toString('utf8')).toBe('{"step":1}\n');
    },
  });
  expect(resumed).toBe(1);
});

test('one after the other: a state is asked for when the one before is published and told', async () => {
  const events: string[] = [];
  const root = place();
  await call({
    root,
    run: 'a',
    attempt: 1,
    work: async (context) => {
      for (const step of [1, 2, 3]) await context.checkpoint({ step, files: () => (events.push(`taken ${step}`), { state: `${step}` }) });
    },
    hooks: { onCheckpoint: async ({ step }) => void (await turn(), events.push(`told ${step}`)) },
  });
  expect(events).toEqual(['taken 1', 'told 1', 'taken 2', 'told 2', 'taken 3', 'told 3']);
});

describe('however a stage ends, its save ends first', () => {
  test.each([
    { end: 'asked to stop', stop: 'the test says so', error: { code: 'Stopped' } },
    { end: 'by an error of its own', stop: undefined, error: { message: 'diverged' } },
  ])('$end', async ({ stop, error }) => {
    const root = place();
    const told: number[] = [];
    const ended = call({
      root,
      run: 'a',
      attempt: 1,
      work: async (context) => {
        await save(context, 1);
        expect(told).toEqual([]);
        throwIfStopped(context);
        throw new Error('diverged');
      },
      hooks: { stopReason: () => stop, onCheckpoint: async ({ step }) => void told.push(step) },
    });
    await expect(ended).rejects.toMatchObject(error);
    expect(told).toEqual([1]);
    let resumed: number | undefined;
    await call({ root, run: 'a', attempt: 2, work: async (context) => void (resumed = context.resume?.step) });
    expect(resumed).toBe(1);
  });
});

describe('a save that a later attempt has overtaken', () => {
  test.each([
    { when: 'at its next progress', end: stepOn },
    { when: 'at its next checkpoint', end: (context: StageContext) => save(context, 2) },
    { when: 'when it is asked to stop', end: async (context: StageContext) => throwIfStopped(context) },
    { when: 'at its end', end: async () => undefined },
  ])('ends the stage $when, is told to nobody and gone on from by nobody', async ({ end }) => {
    const root = place();
    const told: number[] = [];
    const blobs = fileBlobs({ root: path.join(root, 'store') });
    const heir = checkpoints({ store: openStore({ blobs }), run: 'a', stage: 'prepare' });
    const overtaken = call({
      root,
      run: 'a',
      attempt: 1,
      work: async (context) => {
        await heir.begin({ token: { epoch: 1, attempt: 2 } });
        await save(context, 1);
        await end(context);
      },
      hooks: { stopReason: () => 'the test says so', onCheckpoint: async ({ step }) => void told.push(step) },
    });
    await expect(overtaken).rejects.toMatchObject({ code: 'Fenced' });
    expect(told).toEqual([]);
    expect(checkpointsOf(root, 'a')).toEqual([]);
  });
});

test('what has no room on the disk ends the stage with that word, though another thread found it', async (context) => {
  const root = place();
  mountSmall({ context, folder: root, size: '1m' });
  try {
    const full = call({
      root,
      run: 'a',
      attempt: 1,
      work: async (stage) => {
        await stage.checkpoint({ step: 1, files: () => ({ state: new Uint8Array(2 ** 21) }) });
        await stepOn(stage);
      },
    });
    await expect(full).rejects.toMatchObject({ code: 'DiskFull', retryable: true });
    expect(checkpointsOf(root, 'a')).toEqual([]);
  } finally {
    execFileSync('umount', [root]);
  }
});

test('those at multiples of the step that was asked for stay when the stage is finished, also where a later attempt finds it so', async () => {
  const root = place();
  const finish = (attempt: number): Promise<unknown> =>
    call({
      root,
      run: 'a',
      attempt,
      keepCheckpointsEvery: 2,
      work: async (context) => {
        for (const step of [1, 2, 3, 4, 5]) await save(context, step);
      },
    });
  const steps = (): Set<string | undefined> => new Set(checkpointsOf(root, 'a').map((file) => /step-0*(\d+)/.exec(file)?.[1]));
  await finish(1);
  expect(steps()).toEqual(new Set(['2', '4']));
  await finish(2);
  expect(steps()).toEqual(new Set(['2', '4']));
});
