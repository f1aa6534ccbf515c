import { execFile } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { resumptions } from '../../bench/chaos/work-lost.js';

/** The short form of `npm run chaos`: a kill of each kind at random moments of runs of `smoke`. */
test('runs of smoke whose workers, trainers and servers are killed and stopped at random moments end with the digests of an undisturbed one', { timeout: 900_000 }, async () => {
  const { code, text } = await new Promise<{ code: number | string | null | undefined; text: string }>((resolve) => {
    execFile(process.execPath, [path.join(packageRoot(), 'dist', 'bench', 'chaos', 'main.js'), '--kills', '3'], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, text: stdout + stderr }));
  });
  expect(code, text).toBe(0);
  expect(text).toContain('3 kills in');
});

test('steps done again are those from the checkpoint that an attempt went on from to the last that was seen of the one before', () => {
  const log = ['attempt 1: started', 'attempt 1: checkpoint at step 20: 1.0 MB in 0.01 s', 'attempt 2: started', 'attempt 2: goes on: from the checkpoint at step 20', 'attempt 3: started'].join('\n');
  const seen = new Map([['bilevel', new Map([[1, 27], [2, 31]])]]);
  expect(resumptions(new Map([['bilevel', log]]), seen)).toEqual([
    { stage: 'bilevel', attempt: 2, lost: 7, fromCheckpoint: true },
    { stage: 'bilevel', attempt: 3, lost: 31, fromCheckpoint: false },
  ]);
});
