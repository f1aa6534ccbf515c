import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { fileBlobs, openStore, type Ref, type Store } from '../../lib/artifacts/index.js';
import { openDataset, openFeeder, WaitClock, writeTokenShards, type BatchRequest, type Feeder, type PackedRow, type ShardIndex } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';
import { leaveOut } from '../needs/needs.js';
import { temporaryFolder } from './temporary.js';

/*
 * What is paid for reading: a shard is checked by its sha256 when the first of its rows is read by a process, and then never again; shards that are not read
 * are not opened but for their footers.
 */
const T = 256;
const SHARD_ROWS = 1_500;
const SHARDS = 4;
const IO = '/proc/self/io';

let root: string;
let ref: Ref;
let index: ShardIndex;
let shardBytes: number;
const freshStore = (): Store => openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });

beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bliss-reading-'));
  const folder = path.join(root, 'made');
  await mkdir(folder);
  const random = randomStream('reading');
  const rows = Array.from({ length: SHARDS * SHARD_ROWS }, (_, i): PackedRow => ({ id: `s:${i}`, source: 's', tokens: Int32Array.from({ length: T }, () => random.below(50_000)), documents: [`d${i}`] }));
  ({ index } = await writeTokenShards({ folder, prefix: 'group-000', rows, count: rows.length, sequenceLength: T, vocabularySize: 50_000, rowsPerShard: SHARD_ROWS }));
  ref = await freshStore().publish({ kind: 'corpus', folder, digest: 'rows', lineage: { stage: 'prepare', stageVersion: 1, inputs: {} }, summary: {} });
  shardBytes = ref.size / SHARDS;
  return () => rm(root, { recursive: true, force: true });
});

async function feed(store: Store, requests: Iterable<BatchRequest>): Promise<Feeder> {
  const feeder = await openFeeder({ artifact: await store.open(ref), index, batchSize: 50, requests, clock: new WaitClock() });
  onTestFinished(() => feeder.close());
  return feeder;
}
function* ranges(shard: number, batches = SHARD_ROWS / 50): Iterable<BatchRequest> {
  for (let b = 0; b < batches; b++) yield { kind: 'range', start: shard * SHARD_ROWS + b * 50, end: shard * SHARD_ROWS + (b + 1) * 50 };
}
async function readAll(feeder: Feeder, batches: number): Promise<void> {
  for (let b = 0; b < batches; b++) await feeder.next();
  await feeder.close();
}
/** Bytes that this process, its threads included, has read meanwhile. */
async function bytesRead(run: () => Promise<void>): Promise<number> {
  const read = (): number => Number(/rchar: (\d+)/.exec(readFileSync(IO, 'utf8'))?.[1]);
  const before = read();
  await run();
  return read() - before;
}

/** counts what a process has read */
function needsIo(context: TestContext): void {
  if (!existsSync(IO)) leaveOut(context, { need: 'linux', why: `there is no ${IO}, which counts bytes` });
}

describe('bytes', () => {
  test('of a part of a group are read twice at most, once to be checked, and those of other shards not at all; by the same store only once more', async (context) => {
    needsIo(context);
    const store = freshStore();
    await readAll(await feed(store, ranges(0, 1)), 1); // whatever a first reading loads
    const first = await bytesRead(async () => readAll(await feed(store, ranges(2)), SHARD_ROWS / 50));
    expect(first).toBeGreaterThan(1.9 * shardBytes);
    expect(first).toBeLessThan(2.3 * shardBytes);
    const again = await bytesRead(async () => readAll(await feed(store, ranges(2)), SHARD_ROWS / 50));
    expect(again).toBeLessThan(1.3 * shardBytes);
  });

  test('of a dataset in this thread are checked in the same way', async (context) => {
    needsIo(context);
    const store = freshStore();
    const opening = await bytesRead(async () => void (await openDataset(await store.open(ref), index)));
    expect(opening).toBeLessThan(0.2 * shardBytes);
    const dataset = await openDataset(await store.open(ref), index);
    const one = await bytesRead(async () => {
      for await (const row of dataset.read(SHARD_ROWS, 2 * SHARD_ROWS)) expect(row.index).toBeGreaterThanOrEqual(SHARD_ROWS);
    });
    expect(one).toBeLessThan(2.3 * shardBytes);
    // what this thread has checked no other checks again
    const other = await bytesRead(async () => readAll(await feed(store, ranges(1)), SHARD_ROWS / 50));
    expect(other).toBeLessThan(1.3 * shardBytes);
  });
});

describe('a shard that was changed', () => {
  async function damaged(shard: number, change: (file: string) => void): Promise<Store> {
    const place = await temporaryFolder();
    const from = path.join(root, 'store', path.dirname(ref.uri.slice('store:'.length)));
    const to = path.join(place, path.dirname(ref.uri.slice('store:'.length)));
    await mkdir(to, { recursive: true });
    await cp(from, to, { recursive: true });
    change(path.join(to, index.shards[shard].file));
    return openStore({ blobs: fileBlobs({ root: place }) });
  }
  /** one bit of a page, which no footer tells of */
  const flip = (file: string): void => {
    const bytes = readFileSync(file);
    bytes[1_000] ^= 1;
    rmSync(file); // blobs are read-only
    writeFileSync(file, bytes);
  };

  test('is told when its rows are read, and by name; others are read as if nothing were', async () => {
    const store = await damaged(1, flip);
    await readAll(await feed(store, ranges(0)), SHARD_ROWS / 50);
    const feeder = await feed(store, ranges(1, 3));
    await expect(feeder.next()).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringMatching(new RegExp(`${index.shards[1].file}: the stored file changed: its sha256 is [0-9a-f]{64}, recorded was`)) });
    await feeder.close();
    const dataset = await openDataset(await store.open(ref), index);
    await expect(dataset.read(SHARD_ROWS, SHARD_ROWS + 1)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'DataCorrupt' });
  });

  test('of another size is told at once, also by a store that has checked it before', async () => {
    const store = await damaged(3, () => undefined);
    await readAll(await feed(store, ranges(3)), SHARD_ROWS / 50);
    chmodSync(await (await store.open(ref)).file(index.shards[3].file), 0o644);
    appendFileSync(await (await store.open(ref)).file(index.shards[3].file), 'x');
    await expect(feed(store, ranges(3))).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('recorded were') });
    await rm((await store.open(ref).then((artifact) => artifact.file(index.shards[0].file))));
    await expect(store.open(ref).then((artifact) => artifact.file(index.shards[0].file))).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('it is gone') });
  });
});
