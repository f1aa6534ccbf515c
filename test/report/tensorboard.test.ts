import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { writeTensorboard } from '../../lib/report/index.js';
import { exampleReport } from './example.js';

/** What an event file is made of, from TensorFlow's event.proto, summary.proto and tensor.proto. */
const Event = protobuf.parse(`syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
  message Summary { repeated Value value = 1; }
  message Value { string tag = 1; float simple_value = 2; Tensor tensor = 8; }
  message Tensor { int32 dtype = 1; bytes tensor_content = 4; repeated float float_val = 5; }`, { keepCase: true }).root.lookupType('Event');

interface Scalar { readonly tag: string; readonly step: number; readonly value: number }

/** Records are: length (uint64), its checksum, the bytes, their checksum. */
async function scalars(folder: string): Promise<Scalar[]> {
  const found: Scalar[] = [];
  for (const name of await readdir(folder)) {
    const file = await readFile(path.join(folder, name));
    for (let at = 0; at < file.length; ) {
      const length = Number(file.readBigUInt64LE(at));
      const event = Event.toObject(Event.decode(file.subarray(at + 12, at + 12 + length)), { longs: Number, defaults: true });
      for (const value of event['summary']?.value ?? []) {
        const content: Uint8Array | undefined = value.tensor?.tensor_content;
        found.push({ tag: value.tag, step: event['step'], value: value.tensor === null ? value.simple_value : content !== undefined && content.length > 0 ? Buffer.from(content).readFloatLE(0) : value.tensor.float_val[0] });
      }
      at += length + 16;
    }
  }
  return found;
}

test('a figure that is no number is no event: a curve has a gap there', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-tensorboard-'));
  const losses = [3, Number.NaN, 2, Number.POSITIVE_INFINITY, 1];
  await writeTensorboard({ folder, data: { metrics: [], bilevel: [], training: [{ ...exampleReport({ seeds: [3] }).training[0], seed: 3, arm: 'bliss', points: losses.map((loss, step) => ({ step, loss })) }] } });
  expect((await scalars(path.join(folder, 'seed-3', 'bliss'))).map(({ step, value }) => [step, value])).toEqual([[0, 3], [2, 2], [4, 1]]);
  await rm(folder, { recursive: true });
});

test('every metric is an event of its seed and arm, with its step', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-tensorboard-'));
  const data = exampleReport({ seeds: [3] });
  await writeTensorboard({ folder, data });
  expect((await readdir(path.join(folder, 'seed-3'))).sort()).toEqual(['bliss', 'random', 'warm-up']);
  const bliss = await scalars(path.join(folder, 'seed-3', 'bliss'));
  const value = (tag: string, step: number): number | undefined => bliss.find((one) => one.tag === tag && one.step === step)?.value;
  for (const m of data.metrics.filter(({ arm }) => arm === 'bliss')) {
    expect(value('test/loss', m.round)).toBe(Math.fround(m.loss));
    expect(value('test/perplexity', m.round)).toBe(Math.fround(m.perplexity));
    expect(value('test/last-word-loss', m.round)).toBe(Math.fround(m.lastWordLoss));
    expect(value('test/last-word-accuracy', m.round)).toBe(Math.fround(m.lastWordAccuracy));
  }
  const training = data.training.find(({ arm }) => arm === 'bliss');
  expect(bliss.filter(({ tag }) => tag === 'training/loss')).toEqual(training?.points.map(({ step, loss }) => ({ tag: 'training/loss', step, value: Math.fround(loss) })));
  const last = data.bilevel.find(({ round }) => round === 2)?.points.at(-1);
  expect(value('bilevel/round-2/hypergradient-norm', 119)).toBe(Math.fround(last?.hypergradientNorm ?? NaN));
  expect(value('bilevel/round-2/z-norm', 119)).toBe(Math.fround(last?.zNorm ?? NaN));
  expect(value('bilevel/round-2/z-cosine', 119)).toBe(Math.fround(last?.zCosine ?? NaN));
  expect(value('bilevel/round-2/relative-residual', 119)).toBe(Math.fround(last?.relativeResidual ?? NaN));
  const ranks = data.bilevel.find(({ round }) => round === 2)?.ranks;
  expect(bliss.filter(({ tag }) => tag === 'bilevel/round-2/rank-correlation')).toEqual(ranks?.map(({ step, correlation }) => ({ tag: 'bilevel/round-2/rank-correlation', step, value: Math.fround(correlation) })));
  expect(await scalars(path.join(folder, 'seed-3', 'warm-up'))).toHaveLength(250);
  await rm(folder, { recursive: true });
});
