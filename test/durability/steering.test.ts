import { expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { bliss, place, start, until } from '../cli/bliss.js';

/** The short one of `steering.long.test.ts`: a pause in the bilevel stage, and nothing after it. */
const CONFIG = ['warmUp.steps=5', 'pretraining.steps=5', 'pretraining.decay.steps=2', 'bilevel.outerSteps=400', 'comparison.arms=[{name: bliss, selector: bliss}]'].flatMap((setting) => ['--set', setting]);
const RUN = ['run', 'smoke', '--name', 'run', ...CONFIG, '--json'];
const BILEVEL = 'seed-0/bliss/round-1/bilevel';

test('a run that is paused and resumed ends with the digests of an undisturbed one', { timeout: 240_000 }, async () => {
  const undisturbed = start([...RUN, '--home', place().home]);
  const { home: root } = place();
  const home = openHome(root);
  const bilevel = (): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
  const run = start([...RUN, '--home', root]);
  await until('a step of the bilevel stage', () => ((bilevel()?.step ?? 0) >= 1 ? true : undefined), 120_000);

  const paused = await bliss(['pause', 'run', '--json', '--home', root]);
  expect(paused.code, paused.stderr).toBe(0);
  expect(bilevel()).toMatchObject({ state: 'waiting', error: 'stopped on request; a checkpoint is saved' });
  const resumed = await bliss(['resume', 'run', '--json', '--home', root]);
  expect(resumed.code, resumed.stderr).toBe(0);

  const [ours, theirs] = await Promise.all([run.ended, undisturbed.ended]);
  expect({ code: ours.code, stderr: ours.code === 0 ? '' : ours.stderr }).toEqual({ code: 0, stderr: '' });
  const { digests } = JSON.parse(theirs.stdout) as { readonly digests: object };
  expect(JSON.parse(ours.stdout)).toMatchObject({ state: 'done', digests });
  expect(bilevel()).toMatchObject({ state: 'done', attempt: 1 }); // another scheduling, no retry
});
