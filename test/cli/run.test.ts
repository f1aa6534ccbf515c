import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { readJson, type RunOutcome } from '../../cli/runs.js';
import type { StackInfo } from '../../workers/home-lock.js';
import { bliss, place, processesWith, start, until, type Ended } from './bliss.js';

/** A whole run as short as one can be in which the bilevel stage can still be interrupted. */
const SHORT = ['--set', 'bilevel.outerSteps=120', '--set', 'warmUp.steps=5', '--set', 'pretraining.steps=5', '--set', 'pretraining.decay.steps=2', '--set', 'runtime.compiler=graph'];
const BILEVEL = 'seed-0/bliss/round-1/bilevel';

interface RunAnswer {
  readonly run: string;
  readonly state: string;
  readonly digests: Record<string, string> | null;
  readonly metrics: readonly { readonly arm: string; readonly round: number; readonly loss: number }[];
  readonly report: string | null;
}
const answerOf = ({ stdout }: Ended): RunAnswer => JSON.parse(stdout) as RunAnswer;

describe('one run, from Ctrl-C to its end', () => {
  const { home } = place();
  const folder = openHome(home).run('mine');
  const bilevel = (): StageProgressFile | undefined => readJson<StageProgressFile>(folder.progress(BILEVEL));

  test('Ctrl-C saves a checkpoint, ends the stack, and says how to go on; the run is stopped then', async () => {
    const run = start(['run', 'smoke', '--name', 'mine', '--home', home, ...SHORT]);
    await until('a step of the bilevel stage', () => {
      if (run.child.exitCode !== null) throw new Error(run.text());
      return (bilevel()?.step ?? 0) >= 1 ? true : undefined;
    }, 60_000);
    run.child.kill('SIGINT');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain(`bliss resume mine --home ${home}`);
    expect(bilevel()).toMatchObject({ state: 'preempted' });
    expect(processesWith(home)).toEqual([]);
    expect((await bliss(['status', 'mine', '--home', home])).stdout).toContain('stopped; bliss resume mine');
    expect((await bliss(['report', 'mine', '--home', home, '--json'])).stdout).toContain('it is not finished');
  }, 90_000);

  test('resume goes on from the checkpoint to the end, in one line of JSON; another run joins its stack meanwhile', async () => {
    const before = bilevel()?.step ?? 0;
    const resume = start(['resume', 'mine', '--home', home, '--json']);
    const stack = await until('the stack', () => readJson<StackInfo>(openHome(home).stackFile));
    const joined = await bliss(['run', 'smoke', '--name', 'joins', '--home', home, '--json', ...SHORT, '--set', 'comparison.arms=[{name: random, selector: random}]']);
    expect(answerOf(joined)).toMatchObject({ run: 'joins', state: 'done' });
    expect(joined.stderr).toContain(`on ${stack.address ?? 'no stack'}`);
    // finished by the first run
    expect(readJson<StageProgressFile>(openHome(home).run('joins').progress('seed-0/prepare'))).toMatchObject({ state: 'cached' });

    const ended = await resume.ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout.trim().split('\n')).toHaveLength(1);
    const { run, state, digests, metrics, report } = answerOf(ended);
    expect({ run, state }).toEqual({ run: 'mine', state: 'done' });
    expect(Object.keys(digests ?? {}).sort()).toEqual(['metrics', 'scores', 'selection', 'weights']);
    expect(metrics.map(({ arm, round }) => `${arm} ${round}`).sort()).toEqual(['bliss 1', 'random 1']);
    expect(report === null ? '' : readFileSync(report, 'utf8')).toMatch(/^<!doctype html>/i);
    expect(before).toBeGreaterThan(0);
    const checkpoints = [...readFileSync(folder.log(BILEVEL), 'utf8').matchAll(/attempt (\d+): checkpoint at step (\d+)/g)].map(([, attempt, step]) => ({ attempt: Number(attempt), step: Number(step) }));
    const first = Math.min(...checkpoints.filter(({ attempt }) => attempt > 1).map(({ step }) => step));
    expect(first).toBeGreaterThan(Math.max(0, ...checkpoints.filter(({ attempt }) => attempt === 1).map(({ step }) => step)));
    expect(readdirSync(folder.history)).toEqual(expect.arrayContaining(['pipeline.json', 'seed-0.bliss.round-1.bilevel.json', 'report.json']));
    expect(processesWith(home)).toEqual([]);
  }, 120_000);

  test('a finished run is told again without a stack, and its name is taken', async () => {
    const again = await bliss(['resume', 'mine', '--home', home]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/bliss +1 +test +\d+\.\d+ ± /);
    expect(again.stdout).toMatch(/beats random|does NOT beat random/);
    expect((await bliss(['run', 'smoke', '--name', 'mine', '--home', home])).code).toBe(2);
    expect((await bliss(['status', '--home', home])).stdout).toMatch(/mine +done/);
  });

  test('how long stages waited for data is told beside the results and is no part of them', async () => {
    const { stages } = JSON.parse((await bliss(['status', 'mine', '--home', home, '--json'])).stdout) as { readonly stages: readonly StageProgressFile[] };
    for (const stage of ['seed-0/warm-up/target', BILEVEL, 'seed-0/bliss/round-1/scoring', 'seed-0/bliss/round-1/evaluation']) {
      const { seconds, of } = stages.find((one) => one.stage === stage)?.dataWait ?? { seconds: Number.NaN, of: Number.NaN };
      expect(seconds, stage).toBeGreaterThan(0);
      expect(seconds, stage).toBeLessThan(of);
    }
    expect(stages.find(({ stage }) => stage === 'seed-0/prepare')?.dataWait).toBeUndefined();
    const report = readFileSync(folder.report, 'utf8');
    expect(report).toContain('waited for data');
    expect(report).toMatch(/round-1\/bilevel<\/code><\/td>(<td[^>]*>[^<]*<\/td>){2}<td[^>]*>\d+\.\d\d %/);
    expect(readFileSync(folder.timings, 'utf8')).toContain('dataWait');
    expect(readFileSync(folder.metrics, 'utf8')).not.toContain('ait');
  });

  test('--detach: the run goes on in the background, and its stack ends with it', async () => {
    const submitted = await bliss(['run', 'smoke', '--detach', '--home', home, '--json', ...SHORT]);
    expect(answerOf(submitted)).toMatchObject({ run: 'smoke-1', state: 'running' });
    const outcome = await until('its end', () => readJson<RunOutcome>(openHome(home).run('smoke-1').outcome), 60_000);
    // the same configuration: the same results, found or computed
    expect(outcome).toMatchObject({ state: 'done', result: { digests: readJson<RunOutcome>(folder.outcome)?.result?.digests } });
    await until('the end of its stack', () => (processesWith(home).length === 0 && !existsSync(openHome(home).stackFile) ? true : undefined));
  }, 120_000);
});
