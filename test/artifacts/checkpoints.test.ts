import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkpoints, fileBlobs, openStore, sha256, type Blobs, type Checkpoints, type FencingToken, type SetAside } from '../../lib/artifacts/index.js';

let root = '';
beforeEach(async () => { root = await mkdtemp(path.join(os.tmpdir(), 'bliss-checkpoints-')); });
afterEach(async () => { await rm(root, { recursive: true, force: true }); });

const token = (epoch: number, attempt: number): FencingToken => ({ epoch, attempt });
const store = (wrap: (blobs: Blobs) => Blobs = (blobs) => blobs) => openStore({ blobs: wrap(fileBlobs({ root: path.join(root, 'store') })) });

/** One worker's view of a stage, with nothing in memory shared with another's. */
function worker(options: { stage?: string; key?: string; run?: string; wrap?: (blobs: Blobs) => Blobs; setAside?: SetAside[] } = {}): Checkpoints {
  return checkpoints({ store: store(options.wrap), run: options.run ?? 'demo', key: options.key ?? 'key of the stage', stage: options.stage ?? 'seed-0/bliss/round-1/bilevel', onSetAside: (event) => options.setAside?.push(event) });
}

async function save(at: Checkpoints, fencingToken: FencingToken, step: number, content = `state after ${step}`) {
  const folder = await mkdtemp(path.join(root, 'state-'));
  await writeFile(path.join(folder, 'state.bin'), content);
  return at.save({ token: fencingToken, step, folder, digest: sha256(content), summary: { step } });
}
const stateFile = async (ref: Awaited<ReturnType<typeof save>>): Promise<string> => (await store().open(ref.ref)).file('state.bin');

describe('epochs', () => {
  test('rise by claimant; a claimant that asks again gets its own', async () => {
    const at = worker();
    expect(await at.claimEpoch({ claimant: 'workflow-a/1' })).toBe(1);
    expect(await at.claimEpoch({ claimant: 'workflow-a/2' })).toBe(2);
    expect(await worker().claimEpoch({ claimant: 'workflow-a/1' })).toBe(1);
    expect(await worker({ stage: 'seed-0/bliss/round-1/scoring' }).claimEpoch({ claimant: 'workflow-a/3' })).toBe(1);
    expect(await worker({ run: 'other' }).claimEpoch({ claimant: 'workflow-a/4' })).toBe(1);
  });

  test('of many claims at once, twice each, every claimant gets one epoch and no two the same', async () => {
    const claimants = Array.from({ length: 8 }, (_, i) => `workflow/${i}`);
    const claims = await Promise.all([...claimants, ...claimants].map((claimant) => worker().claimEpoch({ claimant })));
    expect(claims.slice(0, 8)).toEqual(claims.slice(8));
    expect([...claims.slice(0, 8)].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('going on', () => {
  test('the first attempt starts afresh, the next from the newest checkpoint, and asking again gives the same', async () => {
    const first = worker();
    expect(await first.begin({ token: token(1, 1) })).toBeUndefined();
    await save(first, token(1, 1), 10);
    const newest = await save(first, token(1, 1), 20);
    const base = await worker().begin({ token: token(1, 2) });
    expect(base).toEqual(newest);
    expect(await readFile(await stateFile(newest), 'utf8')).toBe('state after 20');
    expect(await worker().begin({ token: token(1, 2) })).toEqual(newest);
  });

  test('an attempt that died without a checkpoint hands on its own base', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    const newest = await save(first, token(1, 1), 10);
    for (const attempt of [2, 3, 4]) expect(await worker().begin({ token: token(1, attempt) })).toEqual(newest);
  });

  test('within an attempt the newest is its own, else what it went on from, and never what another has overtaken it with', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    expect(await first.newest({ token: token(1, 1) })).toBeUndefined();
    const base = await save(first, token(1, 1), 10);
    const second = worker();
    await second.begin({ token: token(1, 2) });
    expect(await second.newest({ token: token(1, 2) })).toEqual(base);
    const own = await save(second, token(1, 2), 20);
    const later = await save(second, token(1, 2), 30);
    const third = worker();
    await third.begin({ token: token(1, 3) });
    await save(third, token(1, 3), 40);
    expect(await second.newest({ token: token(1, 2) })).toEqual(later);
    await truncate(await stateFile(later), 3);
    const setAside: SetAside[] = [];
    expect(await worker({ setAside }).newest({ token: token(1, 2) })).toEqual(own);
    expect(setAside).toMatchObject([{ step: 30 }]);
  });

  test('saving before beginning is a fault of the caller', async () => {
    await expect(save(worker(), token(1, 1), 10)).rejects.toThrow('save before begin');
  });

  test('stages and runs do not see each other, also where one path is the start of the other', async () => {
    const outer = worker({ stage: 'seed-0/warm-up' });
    await outer.begin({ token: token(1, 1) });
    await save(outer, token(1, 1), 10);
    for (const other of [worker({ stage: 'seed-0/warm-up/proxy' }), worker({ stage: 'seed-0' }), worker({ stage: 'seed-0/warm-up', run: 'demo2' })]) {
      expect(await other.begin({ token: token(2, 1) })).toBeUndefined();
      await save(other, token(2, 1), 99);
    }
    expect((await outer.begin({ token: token(1, 2) }))?.step).toBe(10);
    await outer.discard({ token: token(1, 2) });
    expect((await worker({ stage: 'seed-0/warm-up/proxy' }).begin({ token: token(2, 2) }))?.step).toBe(99);
  });
});

test('a run of the same name with another configuration starts afresh; the first one’s checkpoints are found again under its key', async () => {
  const first = worker({ key: 'steps 100' });
  await first.begin({ token: token(1, 1) });
  const ten = await save(first, token(1, 1), 10);
  const changed = worker({ key: 'steps 200' });
  expect(await changed.begin({ token: token(2, 1) })).toBeUndefined();
  const five = await save(changed, token(2, 1), 5);
  expect(await worker({ key: 'steps 100' }).begin({ token: token(3, 1) })).toEqual(ten);
  expect(await worker({ key: 'steps 200' }).begin({ token: token(4, 1) })).toEqual(five);
});

describe('fencing', () => {
  test('a zombie is told, and what it wrote after its successor began is never gone on from', async () => {
    const zombie = worker();
    await zombie.begin({ token: token(1, 1) });
    const ten = await save(zombie, token(1, 1), 10);
    const heir = worker();
    expect(await heir.begin({ token: token(1, 2) })).toEqual(ten);
    expect(await zombie.isCurrent(token(1, 1))).toBe(false);
    expect(await heir.isCurrent(token(1, 2))).toBe(true);
    await expect(save(zombie, token(1, 1), 20)).rejects.toMatchObject({ code: 'Fenced', message: expect.stringContaining('epoch 1 attempt 2') });
    await expect(zombie.begin({ token: token(1, 1) })).rejects.toMatchObject({ code: 'Fenced' });
    await expect(zombie.prune({ token: token(1, 1), keep: 1 })).rejects.toMatchObject({ code: 'Fenced' });
    await expect(zombie.discard({ token: token(1, 1) })).rejects.toMatchObject({ code: 'Fenced' });
    expect(await worker().begin({ token: token(1, 3) })).toEqual(ten);
  });

  test('a zombie stopped in the middle of a save finishes the write, hears Fenced, and the write is ignored', async () => {
    const heir = worker();
    let overtake: (() => Promise<unknown>) | undefined;
    const zombie = worker({ wrap: (blobs) => ({ ...blobs, putIfAbsent: async (key, content) => {
      if (key.endsWith('manifest.json')) { await overtake?.(); overtake = undefined; }
      return blobs.putIfAbsent(key, content);
    } }) });
    await zombie.begin({ token: token(1, 1) });
    const ten = await save(zombie, token(1, 1), 10);
    overtake = () => heir.begin({ token: token(1, 2) });
    await expect(save(zombie, token(1, 1), 20)).rejects.toMatchObject({ code: 'Fenced' });
    expect((await store().blobs.list('checkpoints/')).filter(({ key }) => key.includes('step-000000020') && key.endsWith('manifest.json'))).toHaveLength(1);
    expect(await worker().begin({ token: token(1, 3) })).toEqual(ten);
    expect(await worker().begin({ token: token(2, 1) })).toEqual(ten);
  });

  test('a re-run activity starts again at attempt 1: its epoch decides', async () => {
    const old = worker();
    await old.begin({ token: token(1, 7) });
    const ten = await save(old, token(1, 7), 10);
    const rerun = worker();
    expect(await rerun.begin({ token: token(2, 1) })).toEqual(ten);
    await expect(save(old, token(1, 7), 11)).rejects.toMatchObject({ code: 'Fenced' });
    await expect(worker().begin({ token: token(1, 8) })).rejects.toMatchObject({ code: 'Fenced' });
    const twelve = await save(rerun, token(2, 1), 12);
    expect(await worker().begin({ token: token(2, 2) })).toEqual(twelve);
  });

  test('the later attempt counts, not the higher step', async () => {
    let overtake: (() => Promise<unknown>) | undefined;
    const zombie = worker({ wrap: (blobs) => ({ ...blobs, putIfAbsent: async (key, content) => {
      if (key.endsWith('manifest.json')) { await overtake?.(); overtake = undefined; }
      return blobs.putIfAbsent(key, content);
    } }) });
    await zombie.begin({ token: token(1, 1) });
    await save(zombie, token(1, 1), 10);
    const heir = worker();
    overtake = () => heir.begin({ token: token(1, 2) });
    await expect(save(zombie, token(1, 1), 50)).rejects.toMatchObject({ code: 'Fenced' });
    const fifteen = await save(heir, token(1, 2), 15);
    expect(await worker().begin({ token: token(1, 3) })).toEqual(fifteen);
  });

  test('an attempt killed while beginning is passed over; begun again it has been overtaken', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    const ten = await save(first, token(1, 1), 10);
    const dying = worker({ wrap: (blobs) => ({ ...blobs, putIfAbsent: (key, content) => (key.includes('/base-') ? Promise.reject(new Error('killed')) : blobs.putIfAbsent(key, content)) }) });
    await expect(dying.begin({ token: token(1, 2) })).rejects.toThrow('killed');
    expect(await worker().begin({ token: token(1, 3) })).toEqual(ten);
    await expect(worker().begin({ token: token(1, 2) })).rejects.toMatchObject({ code: 'Fenced' });
  });
});

describe('torn and corrupt checkpoints', () => {
  test('are set aside with the reason, and the one before is used, down to an earlier attempt’s', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    const ten = await save(first, token(1, 1), 10);
    const twenty = await save(first, token(1, 1), 20);
    const second = worker();
    await second.begin({ token: token(1, 2) });
    const thirty = await save(second, token(1, 2), 30);
    const forty = await save(second, token(1, 2), 40);
    await truncate(await stateFile(forty), 3);
    await writeFile(await stateFile(thirty), 'STATE after 30');
    await rm(await stateFile(twenty));
    const setAside: SetAside[] = [];
    expect(await worker({ setAside }).begin({ token: token(1, 3) })).toEqual(ten);
    expect(setAside.map(({ step }) => step)).toEqual([40, 30, 20]);
    expect(setAside[0].reason).toContain('3 bytes');
    expect(setAside[1].reason).toContain('sha256');
    expect(setAside[2].reason).toContain('gone');
  });

  test('one that was made under another key is set aside, wherever it lies', async () => {
    const ours = worker();
    await ours.begin({ token: token(1, 1) });
    const good = await save(ours, token(1, 1), 10);
    const other = worker({ run: 'other', key: 'another key' });
    await other.begin({ token: token(1, 1) });
    await save(other, token(1, 1), 20);
    await cp(path.join(root, 'store', 'checkpoints', 'other'), path.join(root, 'store', 'checkpoints', 'demo'), { recursive: true });
    const setAside: SetAside[] = [];
    expect(await worker({ setAside }).begin({ token: token(1, 2) })).toEqual(good);
    expect(setAside).toMatchObject([{ step: 20, reason: expect.stringContaining('it was made under another key, another key') }]);
  });

  test('one without a manifest does not count; all gone, the stage starts afresh', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    await save(first, token(1, 1), 10);
    const twenty = await save(first, token(1, 1), 20);
    await store().blobs.delete(twenty.ref.uri.slice('store:'.length));
    expect((await worker().begin({ token: token(1, 2) }))?.step).toBe(10);
    for (const { key } of await store().blobs.list('checkpoints/')) await store().blobs.delete(key);
    const setAside: SetAside[] = [];
    expect(await worker({ setAside }).begin({ token: token(1, 3) })).toBeUndefined();
  });
});

const steps = async (): Promise<number[]> => (await store().blobs.list('checkpoints/')).filter(({ key }) => key.endsWith('manifest.json')).map(({ key }) => Number(/step-(\d+)/.exec(key)?.[1]));

/** A worker whose saves are overtaken by another's attempt when all but the manifest is written. */
function overtakenBy(overtake: () => Promise<unknown>): Checkpoints {
  return worker({ wrap: (blobs) => ({ ...blobs, putIfAbsent: async (key, content) => {
    if (key.endsWith('manifest.json')) await overtake();
    return blobs.putIfAbsent(key, content);
  } }) });
}

describe('pruning', () => {
  test('keeps the newest and the base of this attempt, and removes whole artifacts', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    for (const step of [10, 20, 30]) await save(first, token(1, 1), step);
    await first.prune({ token: token(1, 1), keep: 2 });
    expect(await steps()).toEqual([20, 30]);
    const second = worker();
    await second.begin({ token: token(1, 2) });
    for (const step of [40, 50, 60]) await save(second, token(1, 2), step);
    await second.prune({ token: token(1, 2), keep: 2 });
    expect(await steps()).toEqual([30, 50, 60]);
    expect(await store().blobs.list('checkpoints/')).toHaveLength(6);
    expect((await worker().begin({ token: token(1, 3) }))?.step).toBe(60);
    await expect(second.prune({ token: token(1, 3), keep: 0 })).rejects.toThrow(RangeError);
  });

  test('a zombie’s ignored write does not count among the kept; discarding leaves none and the fences stand', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    await save(first, token(1, 1), 10);
    let overtake: (() => Promise<unknown>) | undefined;
    const second = worker();
    const zombie = worker({ wrap: (blobs) => ({ ...blobs, putIfAbsent: async (key, content) => {
      if (key.endsWith('manifest.json')) { await overtake?.(); overtake = undefined; }
      return blobs.putIfAbsent(key, content);
    } }) });
    overtake = () => second.begin({ token: token(1, 2) });
    await expect(save(zombie, token(1, 1), 90)).rejects.toMatchObject({ code: 'Fenced' });
    await save(second, token(1, 2), 15);
    await second.prune({ token: token(1, 2), keep: 3 });
    expect(await steps()).toEqual([10, 15]);
    await second.discard({ token: token(1, 2) });
    expect(await store().blobs.list('checkpoints/')).toEqual([]);
    expect(await second.claimEpoch({ claimant: 'x' })).toBe(1);
    await expect(worker().begin({ token: token(1, 1) })).rejects.toMatchObject({ code: 'Fenced' });
  });
});

describe('keeping multiples of a step', () => {
  test('keeps them beside the newest, across attempts, and leaves them alone when the stage is finished', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    for (const step of [10, 20, 30, 40]) {
      await save(first, token(1, 1), step);
      await first.prune({ token: token(1, 1), keep: 1, keepEvery: 20 });
    }
    expect(await steps()).toEqual([20, 40]);
    const second = worker();
    expect((await second.begin({ token: token(2, 1) }))?.step).toBe(40);
    for (const step of [50, 60, 70]) {
      await save(second, token(2, 1), step);
      await second.prune({ token: token(2, 1), keep: 1, keepEvery: 20 });
    }
    expect(await steps()).toEqual([20, 40, 60, 70]);
    expect(await readFile(await stateFile({ ref: await refOf(20), step: 20, fencingToken: token(1, 1) }), 'utf8')).toBe('state after 20');
    await second.discard({ token: token(2, 1), keepEvery: 20 });
    expect(await steps()).toEqual([20, 40, 60]);
    await second.discard({ token: token(2, 1) });
    expect(await store().blobs.list('checkpoints/')).toEqual([]);
  });

  test('an overtaken attempt’s multiples go: neither those after its heir’s base nor one of a set-aside end count', async () => {
    const heir = worker();
    let overtake: () => Promise<unknown> = async () => undefined;
    const zombie = overtakenBy(() => overtake());
    await zombie.begin({ token: token(1, 1) });
    await save(zombie, token(1, 1), 20);
    const forty = await save(zombie, token(1, 1), 40);
    await truncate(await stateFile(forty), 3); // the heir goes on from 20
    overtake = async () => {
      overtake = async () => undefined;
      await heir.begin({ token: token(1, 2) });
    };
    await expect(save(zombie, token(1, 1), 60)).rejects.toMatchObject({ code: 'Fenced' });
    expect(await steps()).toEqual([20, 40, 60]);
    await save(heir, token(1, 2), 30);
    await heir.prune({ token: token(1, 2), keep: 1, keepEvery: 20 });
    expect(await steps()).toEqual([20, 30]);
    await expect(zombie.prune({ token: token(1, 1), keep: 1, keepEvery: 20 })).rejects.toMatchObject({ code: 'Fenced' });
    await expect(zombie.discard({ token: token(1, 1), keepEvery: 20 })).rejects.toMatchObject({ code: 'Fenced' });
  });

  test('an attempt that finds the stage finished, having begun nothing, keeps those of the one that finished it', async () => {
    const first = worker();
    await first.begin({ token: token(1, 1) });
    for (const step of [10, 20, 30]) await save(first, token(1, 1), step);
    await worker({ key: 'another configuration' }).discard({ token: token(1, 2), keepEvery: 30 });
    expect(await steps()).toEqual([]);

    await first.begin({ token: token(2, 1) });
    for (const step of [10, 20, 30]) await save(first, token(2, 1), step);
    await worker().discard({ token: token(2, 2), keepEvery: 20 });
    expect(await steps()).toEqual([20]);
  });
});

async function refOf(step: number) {
  const key = (await store().blobs.list('checkpoints/')).find((blob) => blob.key.includes(`/step-${String(step).padStart(9, '0')}/`) && blob.key.endsWith('manifest.json'))?.key ?? '';
  return { uri: `store:${key}`, sha256: key.split('/').at(-2) ?? '', size: 0, digest: sha256(`state after ${step}`) };
}
