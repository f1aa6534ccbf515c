import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import type { StageProgressFile } from '../../lib/home.js';
import { place, until } from '../cli/bliss.js';
import { BILEVEL, expectResumed, logOf, RUN_MS, trainerOf, wholeRun, workerOf } from './whole-run.js';

/** A run is a pure function of its configuration: killed or not, it ends with the same digests. More kinds in kill.long.test.ts. */
/** every test fails when the one undisturbed run fails, by its reason */
const undisturbed = wholeRun([]);

describe.concurrent('a run of smoke', { timeout: RUN_MS * 2 }, () => {
  test('a trainer killed by SIGKILL in the bilevel stage: the run ends by itself with the same digests', async () => {
    const killed = await wholeRun([], { disturb: (home) => void process.kill(trainerOf(workerOf(home)), 'SIGKILL') });
    expectResumed(killed.home);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('a preemption notice by file in the bilevel stage: it is saved at once, nothing runs while the file is there, and the run ends with the same digests', async () => {
    const file = path.join(place().folder, 'preempted');
    let saved: StageProgressFile | undefined;
    const preempted = await wholeRun(['--set', `worker.preemptionFile=${file}`], {
      disturb: async (home) => {
        writeFileSync(file, '');
        const progress = (): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
        saved = await until('the stage to be saved', () => (progress()?.state === 'preempted' ? progress() : undefined));
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        expect(progress()).toEqual(saved);
        rmSync(file);
      },
    });
    const log = logOf(preempted.home);
    expect(log).toContain(`attempt 1: checkpoint at step ${saved?.step}`);
    expect(log).toContain(`attempt 2: goes on: from the checkpoint at step ${saved?.step}`);
    expect(preempted.answer.digests).toEqual((await undisturbed).answer.digests);
  });
});
