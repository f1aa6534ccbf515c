import { mkdtemp, readdir, readlink, rm, writeFile, readFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openDataset, openFeeder, readBatch, sampleRows, WaitClock, writeTokenShards, type BatchRequest, type Feeder, type OpenFeeder, type PackedRow, type ShardIndex } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';

const T = 16;
const ROWS = 5_000;
let folder: string;
let index: ShardIndex;
const inFolder = (root: string): OpenFeeder['artifact'] => ({ file: (name) => Promise.resolve(path.join(root, name)) });

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-feeder-'));
  const random = randomStream('feeder');
  const rows = Array.from({ length: ROWS }, (_, i): PackedRow => ({ id: `s:${i}`, source: i % 2 === 0 ? 'even' : 'odd', tokens: Int32Array.from({ length: T }, () => random.below(2_048)), documents: [`d${i}`] }));
  ({ index } = await writeTokenShards({ folder, prefix: 'group-000', rows, count: ROWS, sequenceLength: T, vocabularySize: 2_048, rowsPerShard: 2_200 }));
  return () => rm(folder, { recursive: true, force: true });
});

/** A feeder that ends with its test. */
async function feed(options: Partial<OpenFeeder> & Pick<OpenFeeder, 'requests'>): Promise<Feeder> {
  const feeder = await openFeeder({ artifact: inFolder(folder), index, batchSize: 32, clock: new WaitClock(), ...options });
  onTestFinished(() => feeder.close());
  return feeder;
}

function* ordered(first: number, end: number, part?: { readonly of: number; readonly index: number }): Iterable<BatchRequest> {
  for (let step = first; step < end; step++) yield { kind: 'ordered', seed: 'a', step, ...(part === undefined ? {} : { part }) };
}

describe('batches', () => {
  test('are those that the dataset gives in this thread, orders and parts and subsets and ranges', async () => {
    const dataset = await openDataset(inFolder(folder), index);
    const subset = sampleRows(ROWS, 0.2, 'x');
    const requests: BatchRequest[] = [...ordered(0, 40), ...ordered(0, 3, { of: 2, index: 0 }), ...ordered(0, 3, { of: 2, index: 1 }), { kind: 'range', start: 0, end: 32 }, { kind: 'range', start: 2_190, end: 2_222 }, { kind: 'range', start: 4_992, end: 5_000 }];
    for (const of of [undefined, subset]) {
      const feeder = await feed({ requests, subset: of });
      for (const request of requests) expect(await feeder.next()).toEqual(await readBatch({ dataset, request, batchSize: 32, subset: of }));
      await expect(feeder.next()).rejects.toThrow(RangeError);
    }
  });

  test('name their rows, and a short one repeats its first row', async () => {
    const feeder = await feed({ requests: [{ kind: 'range', start: 4_997, end: 5_000 }] });
    const { tokens, indices, ids, sources } = await feeder.next();
    expect([...indices]).toEqual([4_997, 4_998, 4_999]);
    expect(ids).toEqual(['s:4997', 's:4998', 's:4999']);
    expect(sources).toEqual(['odd', 'even', 'odd']);
    const row = (i: number): number[] => [...tokens.subarray(i * T, (i + 1) * T)];
    expect(row(1)).not.toEqual(row(0));
    for (let i = 3; i < 32; i++) expect(row(i)).toEqual(row(0));
  });

  test('of a step are the same whether the steps before it were read or not', async () => {
    const whole = await feed({ requests: ordered(0, 200) });
    const resumed = await feed({ requests: ordered(157, 200) }); // 157 · 32 rows are more than an epoch
    for (let step = 0; step < 157; step++) await whole.next();
    for (let step = 157; step < 200; step++) expect(await resumed.next()).toEqual(await whole.next());
  });
});

describe('reading ahead', () => {
  test('takes no more requests than it may hold: sixteen small batches, two large ones', async () => {
    for (const [batchSize, ahead] of [[4, 16], [ROWS, 16], [400_000, 2]] as const) {
      let taken = 0;
      const endless = function* (): Iterable<BatchRequest> {
        for (;;) yield { kind: 'range', start: taken++, end: taken };
      };
      const feeder = await feed({ batchSize, requests: endless() });
      expect(taken).toBe(ahead);
      for (let i = 1; i <= 3; i++) {
        await feeder.next();
        expect(taken).toBe(ahead + i);
      }
    }
  });

  test('goes on while this thread stands still, as it does inside a compiled step; the clock counts what is waited', async () => {
    const clock = new WaitClock();
    const feeder = await feed({ clock, entry: await thread(SLOW), requests: ordered(0, 2) });
    expect(clock.wait).toEqual({ seconds: 0, of: 0 });
    await feeder.next();
    expect(clock.wait.seconds).toBeGreaterThan(0.2); // nothing was read yet
    const before = clock.wait.seconds;
    standStill(3_000);
    await feeder.next();
    expect(clock.wait.seconds - before).toBeLessThan(0.2);
    expect(clock.wait.of).toBeGreaterThan(3);
  });
});

describe('what goes wrong', () => {
  test('comes up by name at the batch that needs it, and not before', async () => {
    const broken = await mkdtemp(path.join(os.tmpdir(), 'bliss-feeder-'));
    onTestFinished(() => rm(broken, { recursive: true, force: true }));
    const last = index.shards[2].file;
    const flat = (file: string): string => path.join(broken, path.basename(file));
    for (const { file } of index.shards) await writeFile(flat(file), await readFile(path.join(folder, file)));
    const bytes = await readFile(flat(last));
    bytes.fill(0xff, 4, 4_000); // the pages of its first row group; the footer that opening reads stays whole
    await writeFile(flat(last), bytes);
    const range = (start: number): BatchRequest => ({ kind: 'range', start, end: start + 8 });
    const feeder = await feed({ artifact: { file: (name) => Promise.resolve(flat(name)) }, requests: [range(0), range(4_400), range(8)] });
    expect((await feeder.next()).ids[0]).toBe('s:0');
    await expect(feeder.next()).rejects.toMatchObject({ name: 'DataCorrupt', code: 'DataCorrupt', where: expect.stringContaining(flat(last)) as string, fix: expect.stringContaining('whole') as string, retryable: false });
    expect((await feeder.next()).ids[0]).toBe('s:8');
  });

  test('of the whole dataset is told with the first batch', async () => {
    const feeder = await feed({ index: { ...index, rows: 1 }, requests: ordered(0, 1) });
    await expect(feeder.next()).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('the shards have 5000 rows, the index says 1') as string });
    const large = await feed({ batchSize: 6_000, requests: ordered(0, 1) });
    await expect(large.next()).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('a batch wants 6000 rows, the dataset has 5000') as string });
    await expect(feed({ artifact: { file: () => Promise.reject(new Error('the stored file changed')) }, requests: [] })).rejects.toThrow('the stored file changed');
  });

  test('in the thread itself ends every batch that is still to come', async () => {
    const thrown = await feed({ entry: await thread(`throw new Error('out of memory');`), requests: ordered(0, 99) });
    for (let step = 0; step < 99; step++) await expect(thrown.next()).rejects.toThrow('the thread that reads the data failed: out of memory');
    const gone = await feed({ entry: await thread('process.exit(3);'), requests: ordered(0, 99) });
    await expect(gone.next()).rejects.toThrow('the thread that reads the data ended with code 3');
  });
});

describe('closing', () => {
  test('leaves no open file, at once or after some batches, and once more is nothing', async () => {
    for (const batches of [0, 1, 20]) {
      const feeder = await feed({ requests: ordered(0, 1_000) });
      for (let i = 0; i < batches; i++) await feeder.next();
      await feeder.close();
      await feeder.close();
      expect(await openShards()).toEqual([]);
      for (;;) {
        const left = await feeder.next().catch((error: unknown) => error);
        if (!(left instanceof Error)) continue; // read before it was closed
        expect(left.message).toBe('the feeder is closed');
        break;
      }
    }
  });

  test('keeps one thread for the next feeder, and two at once have one each', async () => {
    const threads = (): number => readdirSync('/proc/self/task').length;
    await (await feed({ requests: ordered(0, 4) })).close();
    const before = threads();
    for (let i = 0; i < 5; i++) {
      const one = await feed({ requests: ordered(i, 9) });
      const other = await feed({ requests: ordered(i, 9), subset: sampleRows(ROWS, 0.5, 'y') });
      const [mine, others] = [await one.next(), await other.next()];
      expect(others.indices).not.toEqual(mine.indices);
      await Promise.all([one.close(), other.close()]);
    }
    await expect.poll(threads).toBe(before);
  });

  test('does not wait for a thread that hangs', async () => {
    const feeder = await feed({ entry: await thread('for (;;);'), requests: ordered(0, 1) });
    await feeder.close();
    await expect(feeder.next()).rejects.toThrow('the feeder is closed');
  });
});

/** answers each request after 0.3 s, one after the other */
const SLOW = `
  const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  parentPort.on('message', ({ port }) => port.on('message', ({ type }) => {
    if (type === 'close') return port.close();
    wait();
    port.postMessage({ type: 'batch', batch: {} });
  }));`;

/** built JavaScript of a thread that does `body` */
async function thread(body: string): Promise<string> {
  const file = path.join(folder, `thread-${body.length}.mjs`);
  await writeFile(file, `import { parentPort } from 'node:worker_threads';\n${body}\n`);
  return file;
}

const standStill = (milliseconds: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** shards that this process, all its threads, holds open */
async function openShards(): Promise<string[]> {
  const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder));
}
