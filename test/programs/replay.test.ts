import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tensorFlowEnvironment } from '../../lib/tensor/environment.js';

const root = path.resolve(import.meta.dirname, '../..');
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

/** runs a command on one core, where there is such a tool */
const TASKSET = '/usr/bin/taskset';

// XLA compiles for a number of threads: with another one the bits differ, and the numerics fingerprint says so
test('two processes with two threads each, one of them on one core and with the flags that make a GPU deterministic: the same programs, the same bits', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'replay-'));
  try {
    const outcomes: unknown[] = [];
    for (const [on, ...before] of [['all'], ['one', ...(existsSync(TASKSET) ? [TASKSET, '-c', '0'] : [])]]) {
      const file = path.join(folder, `${on}.json`);
      const env = { ...process.env, BLISS_TEST_REPLAY: file, ...tensorFlowEnvironment({ threads: 2, deterministic: on === 'one' }), TF_CPP_MIN_LOG_LEVEL: '2' };
      const [command, ...args] = [...before, process.execPath, vitest, 'run', 'test/programs/replay-once.test.ts'];
      await promisify(execFile)(command, args, { cwd: root, env });
      outcomes.push(JSON.parse(readFileSync(file, 'utf8')));
    }
    expect(Object.keys(outcomes[0] as object)).toHaveLength(7);
    expect(outcomes[1]).toEqual(outcomes[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
