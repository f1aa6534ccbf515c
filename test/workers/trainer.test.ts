import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { StageTask } from '../../lib/stages/execution/execute.js';
import { createTrainer } from '../../workers/trainer/trainer.js';

/** Workers' side of the trainer, against children that behave as badly as real ones can. */
const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-trainer-'));
const trainers: ReturnType<typeof createTrainer>[] = [];
afterEach(() => trainers.splice(0).forEach((trainer) => trainer.close()));

const DONE = `{ type: 'done', result: { ref: { uri: 'store:x', sha256: 's', size: 1, digest: 'd' }, summary: { pid: process.pid }, cached: false } }`;

/** a trainer whose child does `body` when it is told to start */
function withChild(name: string, body: string, abandon: AbortSignal = new AbortController().signal) {
  const entry = path.join(folder, `${name}.mjs`);
  writeFileSync(entry, `process.on('message', (message) => { if (message.type !== 'start') return; ${body} });`);
  const trainer = createTrainer({ environment: process.env, entry });
  trainers.push(trainer);
  const task = { name: 'report', run: 'run', stage: 'report', input: {}, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 1 } as unknown as StageTask; // no stage reads this input
  const silent = { onProgress: () => undefined, onPhase: () => undefined, onCheckpoint: () => undefined, onEvent: () => undefined, onNote: () => undefined };
  return () => trainer.run({ task, home: folder, stop: new AbortController().signal, abandon, ...silent });
}

test('a child of another build fails its stage and not the worker', async () => {
  const run = withChild('other-build', `process.send({ type: 'progress', step: 'one' });`);
  await expect(run()).rejects.toMatchObject({ name: 'TrainerCrashed', message: expect.stringContaining('is of another build than its worker') });
});

test('a crash is told with the last words of the child, however late they arrive', async () => {
  const shown = vi.spyOn(process.stderr, 'write').mockReturnValue(true); // the worker's log, not this test's
  const late = `sleep 0.2; printf 'F0000 out of memory on the device' >&2`;
  const run = withChild('crash', `import('node:child_process').then(({ spawn }) => { spawn('sh', ['-c', ${JSON.stringify(late)}], { stdio: 'inherit' }); process.kill(process.pid, 'SIGABRT'); });`);
  await expect(run()).rejects.toMatchObject({ name: 'TrainerCrashed', message: 'the trainer process ended by SIGABRT, its last words: F0000 out of memory on the device' });
  shown.mockRestore();
});

test('a child that failed has ended before another attempt can begin', async () => {
  const pidFile = path.join(folder, 'pid');
  const run = withChild('failed', `import('node:fs').then(({ writeFileSync }) => { writeFileSync('${pidFile}', String(process.pid)); process.send({ type: 'failed', code: 'Error', message: 'no', retryable: true }); });`);
  await expect(run()).rejects.toThrow('no');
  expect(existsSync(`/proc/${readFileSync(pidFile, 'utf8')}`)).toBe(false);
});

test('a child that did its work is used again, and one that died idle is not', async () => {
  const run = withChild('well', `process.send(${DONE});`);
  const first = (await run()).summary['pid'];
  expect((await run()).summary['pid']).toBe(first);
  process.kill(Number(first), 'SIGKILL');
  await expect.poll(() => existsSync(`/proc/${String(first)}`)).toBe(false);
  expect((await run()).summary['pid']).not.toBe(first);
});
