import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

test('two processes, one after the other, with one thread and with two: the same programs, the same bits', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'replay-'));
  try {
    const outcomes: unknown[] = [];
    for (const threads of ['1', '2']) {
      const file = path.join(folder, `${threads}.json`);
      const env = { ...process.env, BLISS_TEST_REPLAY: file, TF_NUM_INTRAOP_THREADS: threads, TF_CPP_MIN_LOG_LEVEL: '2' };
      await promisify(execFile)(process.execPath, [vitest, 'run', 'test/programs/replay-once.test.ts'], { cwd: root, env });
      outcomes.push(JSON.parse(readFileSync(file, 'utf8')));
    }
    expect(Object.keys(outcomes[0] as object)).toHaveLength(5);
    expect(outcomes[1]).toEqual(outcomes[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
