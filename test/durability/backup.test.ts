import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { parseTimings } from '../../lib/timings.js';
import { bliss, place, start, until } from '../cli/bliss.js';

const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const BEFORE_IT = ['seed-0/prepare', 'seed-0/warm-up/selection', 'seed-0/warm-up/target', 'seed-0/warm-up/proxy'];
const WAIT_MS = 120_000;

/** `store/` and `runs/` as `cp -a` finds them while workers write there: files that go away meanwhile are in neither. */
function backUp(from: Home, to: Home): void {
  mkdirSync(to.root);
  for (const folder of [from.store, from.runs]) {
    const { status, stderr } = spawnSync('cp', ['-a', folder, to.root], { encoding: 'utf8' });
    const others = stderr.split('\n').filter((line) => line !== '' && !line.endsWith('No such file or directory'));
    if (status !== 0 && others.length > 0) throw new Error(others.join('\n'));
  }
}

const answerOf = (stdout: string): unknown => (JSON.parse(stdout) as { readonly digests: unknown }).digests;

test('store/ and runs/ copied while a run goes on are enough: resumed on an empty server it finds what is finished, goes on from a checkpoint, and ends with the digests of the run it was copied from', { timeout: 3 * WAIT_MS }, async () => {
  const original = openHome(place().home);
  const copy = openHome(place().home);
  const run = start(['run', 'smoke', '--name', 'run', '--json', '--home', original.root]);
  try {
    await until('a checkpoint of the bilevel stage', () => {
      if (run.child.exitCode !== null) throw new Error(run.text());
      const progress = readJson<StageProgressFile>(original.run('run').progress(BILEVEL));
      return progress?.state === 'running' && progress.step > 30 ? true : undefined;
    }, WAIT_MS);
    backUp(original, copy);
    expect(existsSync(copy.temporalDatabase)).toBe(false);
    const resumed = await bliss(['resume', 'run', '--json', '--home', copy.root]);
    expect(resumed.code, resumed.stderr).toBe(0);

    const log = readFileSync(copy.run('run').log(BILEVEL), 'utf8');
    expect(Number(/goes on: from the checkpoint at step (\d+)/.exec(log)?.[1])).toBeGreaterThanOrEqual(20);
    const states = (stage: string): string[] => parseTimings(readFileSync(copy.run('run').timings, 'utf8')).filter((timing) => timing.stage === stage).map(({ state }) => state);
    for (const stage of BEFORE_IT) expect(states(stage), stage).toEqual(['done', 'cached']);
    expect(states(BILEVEL)).toEqual(['lost', 'done']);
    const whole = await run.ended;
    expect(whole.code, whole.stderr).toBe(0);
    expect(answerOf(resumed.stdout)).toEqual(answerOf(whole.stdout));
  } finally {
    run.child.kill('SIGKILL');
    await run.ended;
  }
});
