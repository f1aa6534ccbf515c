import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandLine } from '../cli/bliss.js';
import { BILEVEL, expectResumed, logOf, MATES, RUN_MS, trainerOf, wholeRun, workerOf } from './whole-run.js';

/** A run is a pure function of its configuration: killed or not, it ends with the same digests; another seed ends with others. */
/** every test fails when the one undisturbed run fails, by its reason */
const undisturbed = wholeRun([]);

/** features that are learnt in stages of their own, a phase that ends by itself, and held-out losses on the way */
const BY_FEATURES = [
  'bilevel.weights=logits', 'bilevel.score.features=[color, color-target, dsir]', 'bilevel.schedule=wsd', 'bilevel.stopAt={rankCorrelation: 0.95, every: 30}', 'evaluation.everySteps=7',
  'comparison.arms=[{name: bliss, selector: bliss}, {name: color, selector: color}]',
].flatMap((set) => ['--set', set]);

describe.concurrent('a run of smoke', { timeout: RUN_MS * 2 }, () => {
  test('the same configuration in another empty home ends with the same digests', async () => {
    const again = await wholeRun([]);
    expect(again.answer.digests).toEqual((await undisturbed).answer.digests);
    expect(logOf(again.home)).toMatch(/batch skipped: .*, outer step \d+: .* is a spike/);
  });

  test('a trainer killed by SIGKILL while it probes for mates: no probe is lost or counted twice, and the run ends with the same digests', async () => {
    const killed = await wholeRun([], { stage: MATES, disturb: (home) => void process.kill(trainerOf(workerOf(home)), 'SIGKILL') });
    expectResumed(killed.home, MATES);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('a worker killed by SIGKILL in the bilevel stage: its trainer dies with it, the run ends by itself with the same digests', async () => {
    let trainer = 0;
    const killed = await wholeRun([], {
      disturb: (home) => {
        const worker = workerOf(home);
        trainer = trainerOf(worker);
        process.kill(worker, 'SIGKILL');
      },
    });
    expect(commandLine(trainer)).not.toContain('trainer/child.js');
    expectResumed(killed.home);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('another seed ends with other digests', async () => {
    const other = await wholeRun(['--set', 'seeds=[1]']);
    for (const [name, digest] of Object.entries((await undisturbed).answer.digests)) expect(other.answer.digests[name], name).not.toBe(digest);
  });

  test('a trainer killed by SIGKILL in a bilevel phase with features that ends by itself: it ends at the same step, with the same digests', async () => {
    const [whole, killed] = await Promise.all([wholeRun(BY_FEATURES), wholeRun(BY_FEATURES, { disturb: (home) => void process.kill(trainerOf(workerOf(home)), 'SIGKILL') })]);
    expectResumed(killed.home);
    expect(killed.answer.digests).toEqual(whole.answer.digests);
    const metrics = ({ home }: typeof whole, stage: string): string => readFileSync(path.join(home.root, 'runs', 'run', 'metrics', `${stage.replaceAll('/', '.')}.jsonl`), 'utf8');
    const phase = metrics(whole, BILEVEL);
    expect(phase.trim().split('\n').length).toBeLessThan(300);
    expect(phase).toContain('rankCorrelation');
    expect(metrics(killed, BILEVEL)).toBe(phase);
    const training = metrics(whole, 'seed-0/bliss/round-1/pretraining');
    expect(training.match(/heldOutLoss/g)).toHaveLength(6);
    expect(metrics(killed, 'seed-0/bliss/round-1/pretraining')).toBe(training);
  });
});
