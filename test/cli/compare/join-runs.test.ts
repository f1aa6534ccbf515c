import { describe, expect, test } from 'vitest';
import { joinRuns } from '../../../cli/compare/join-runs.js';
import type { FinishedRun } from '../../../cli/finished-run.js';
import { loadConfig } from '../../../config/index.js';
import type { FinishedStage } from '../../../lib/stages/types.js';

const stage = (seed: number): FinishedStage => ({ stage: `seed-${seed}/prepare`, name: 'prepare', seed, arm: null, round: null, results: [] });
const runOf = (run: string, seeds: readonly number[], ...overrides: readonly string[]): FinishedRun => ({
  run, config: loadConfig({ source: 'smoke', overrides: [`seeds=[${seeds.join(', ')}]`, ...overrides], cwd: '/' }).config, stages: seeds.map(stage), timings: seeds.map((seed) => `line of ${seed}`),
});

describe('runs that differ in their seeds alone', () => {
  test('are one run of all seeds, with what each has made, failed and been forked from', () => {
    const failure = { stage: 'seed-7/bliss/round-1/evaluation', seed: 7, arm: 'bliss', round: 1, reason: 'gone' };
    const joined = joinRuns([runOf('first', [5, 6]), { ...runOf('second', [7]), failed: [failure], forked: { from: 'older', stage: 'round-1/pretraining' } }]);
    expect(joined).toMatchObject({ run: 'first + second', stages: [stage(5), stage(6), stage(7)], timings: ['line of 5', 'line of 6', 'line of 7'], failed: [failure] });
    expect(joined.config).toEqual(runOf('', [5, 6, 7]).config);
    expect(joined.notes).toEqual([expect.stringContaining('second was forked from older at round-1/pretraining')]);
    expect(joinRuns([runOf('alone', [1])])).not.toHaveProperty('failed');
  });

  test.each([
    ['its name', 'name=other'],
    ['timeouts and checkpoints', 'worker.heartbeatTimeout=99'],
    ['who is told', 'notices={command: true}'],
    ['the policy of numerics', 'runtime.numerics=strict'],
    ['the policy of failures', 'evaluation.onFailure=continue'],
  ])('may differ in %s, which decides no result', (_, override) => {
    expect(joinRuns([runOf('first', [0]), runOf('second', [1], override)]).config.seeds).toEqual([0, 1]);
  });

  test.each([
    ['bilevel.outerSteps', 'bilevel.outerSteps=301', 'bilevel.outerSteps 300 → 301'],
    ['evaluation.batchSize', 'evaluation.batchSize=16', 'evaluation.batchSize 32 → 16'],
    ['divergence', 'divergence={policy: rewind}', 'divergence absent → {'],
    ['runtime.compiler', 'runtime.compiler=xla', 'runtime.compiler "graph" → "xla"'],
    ['comparison.arms.1.selector', 'comparison.arms=[{name: bliss, selector: bliss}, {name: random, selector: dsir}]', 'comparison.arms.1.selector "random" → "dsir"'],
  ])('are refused where %s differs, which is named', (where, override, said) => {
    expect(() => joinRuns([runOf('first', [0]), runOf('same', [1]), runOf('second', [2], override)])).toThrow(expect.objectContaining({ code: 'Usage', where, message: expect.stringMatching(/first and second have other settings/) }));
    expect(() => joinRuns([runOf('first', [0]), runOf('second', [2], override)])).toThrow(said);
  });

  test('are refused where one was ended after an earlier round: after the last one its seeds would be missing', () => {
    const upTo = (run: FinishedRun, last: number): FinishedRun => ({ ...run, stages: [...run.stages, ...Array.from({ length: last }, (_, i): FinishedStage => ({ stage: `seed-0/bliss/round-${i + 1}/pretraining`, name: 'training', seed: 0, arm: 'bliss', round: i + 1, results: [] }))] });
    expect(() => joinRuns([upTo(runOf('first', [0]), 2), upTo(runOf('second', [1]), 1)])).toThrow(expect.objectContaining({ code: 'Usage', message: expect.stringContaining('first ended after round 2, second after round 1'), fix: expect.stringContaining('bliss resume second') }));
    expect(joinRuns([upTo(runOf('first', [0]), 2), upTo(runOf('second', [1]), 2)]).config.seeds).toEqual([0, 1]);
  });

  test('are refused where a seed would count twice', () => {
    expect(() => joinRuns([runOf('first', [0, 1]), runOf('second', [2, 1])])).toThrow('seed 1 is in first and in second');
    expect(() => joinRuns([runOf('first', [0]), runOf('first', [0])])).toThrow('first is named twice');
  });
});
