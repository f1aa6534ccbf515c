import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { buildReport, compareArms, missingEvaluations, verdictOf, type ReportData } from '../../lib/report/index.js';
import type { FailedStage } from '../../lib/stages/types.js';
import { exampleReport } from './example.js';

/** Evaluations that failed while their run went on: two seeds, two arms, two rounds. */
const whole = exampleReport({ seeds: [0, 1], gain: (seed) => 0.12 + 0.01 * seed });
const failed = (seed: number, arm: string, round: number, stage: string): FailedStage => ({ stage: `seed-${seed}/${arm}/round-${round}/${stage}`, seed, arm, round, reason: 'the items are gone' });
const without = (...stages: FailedStage[]): ReportData => {
  const missing = missingEvaluations(stages);
  return { ...whole, missing, notes: stages.map(({ stage, reason }) => `${stage} failed: ${reason}`), metrics: whole.metrics.filter((point) => !missing.some((one) => one.seed === point.seed && one.arm === point.arm && one.round === point.round)) };
};
const textOf = (data: ReportData): string => parseHTML(buildReport(data)).document.querySelector('main')?.textContent ?? '';

test('a verdict on an earlier round than the last says so, and which evaluations are missing', () => {
  const data = without(failed(0, 'bliss', 2, 'evaluation'), failed(1, 'bliss', 2, 'decay'));
  const { round, headline, detail, outcome } = verdictOf(data);
  expect({ round, outcome }).toEqual({ round: 1, outcome: 'wins' });
  expect(headline).toBe('bliss beats random on the test set, after round 1: evaluations of later rounds are missing');
  expect(detail).toContain('It stands without the evaluations of bliss after round 2 (seeds 0, 1), which failed.');
  const [arm] = compareArms(data);
  expect(arm.loss).toBeNaN();
  expect(textOf(data)).toMatch(/Failed, and therefore missing: the evaluations of bliss after round 2 \(seeds 0, 1\)/);
  expect(textOf(data)).toContain('(round 1)');
  expect(textOf(data)).not.toContain('NaN');
});

test('a verdict that lacks a seed says so; one that lacks nothing is what it was', () => {
  const { round, headline, detail, seeds } = verdictOf(without(failed(1, 'random', 2, 'evaluation')));
  expect({ round, seeds: seeds.map(({ seed }) => seed) }).toEqual({ round: 2, seeds: [0] });
  expect(headline).not.toContain('missing');
  expect(detail).toContain('It stands without the evaluations of random after round 2 (seed 1), which failed.');
  expect(verdictOf(without())).toEqual(verdictOf(whole));
  // another arm's, or an earlier round's, is none of its
  expect(verdictOf(without(failed(0, 'bliss', 1, 'evaluation'))).detail).toBe(verdictOf(whole).detail);
});

test('a run without any evaluation has a report that says so', () => {
  const all = [0, 1].flatMap((seed) => ['bliss', 'random'].flatMap((arm) => [1, 2].map((round) => failed(seed, arm, round, 'evaluation'))));
  const data = without(...all);
  expect(verdictOf(data)).toMatchObject({ outcome: 'none', detail: expect.stringContaining('Failed have the evaluations of bliss after round 1 (seeds 0, 1)') });
  expect(textOf(data)).toContain('Nothing was evaluated.');
  expect(textOf(data)).toContain('seed-0/bliss/round-1/evaluation failed: the items are gone');
});
