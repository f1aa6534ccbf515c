import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { place, start, until } from '../cli/bliss.js';
import { mountSmall } from '../needs/machine.js';

/** The server's database and the corpus fit in it, the checkpoints of the warm-ups do not. */
const TOO_SMALL = '7m';
const ENOUGH = '64m';
const STAGES = ['seed-0/warm-up/proxy', 'seed-0/warm-up/target', 'seed-0/bliss/round-1/bilevel'];

test('a full disk stops no run: it waits with the reason and the fix, and goes on to its end when there is room', async (context) => {
  const root = path.join(place().folder, 'small');
  mkdirSync(root);
  mountSmall({ context, folder: root, size: TOO_SMALL });
  const home = openHome(root);
  const run = start(['run', 'smoke', '--name', 'run', '--home', root, '--json']);
  try {
    const waiting = await until('a stage that waits for room', () => {
      if (run.child.exitCode !== null) throw new Error(run.text());
      return STAGES.map((stage) => readJson<StageProgressFile>(home.run('run').progress(stage))).find((progress) => progress?.state === 'waiting');
    }, 120_000);
    expect(waiting?.error).toContain('no space left on the disk; free some space');
    execFileSync('mount', ['-o', `remount,size=${ENOUGH}`, root]);
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ state: 'done' });
  } finally {
    run.child.kill('SIGKILL');
    await run.ended;
    await until('the file system to be free', () => unmounted(root), 20_000);
    rmSync(path.dirname(root), { recursive: true, force: true });
  }
}, 240_000);

function unmounted(folder: string): true | undefined {
  try {
    execFileSync('umount', [folder], { stdio: 'pipe' });
    return true;
  } catch {
    return undefined; // the killed stack's children are still going
  }
}
