import { describe, expect, test } from 'vitest';
import { forkPoint, isLeaf, rankOf } from '../../cli/fork/point.js';
import { loadConfig } from '../../config/index.js';
import { LEARNING_STAGES } from '../../config/tables/stages.js';
import { BlissError } from '../../lib/errors.js';
import { planStages } from '../../workflows/plan.js';

describe('where a fork goes its own way', () => {
  test('every stage but the report has its place, in the order of a run', () => {
    const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=12', 'comparison.arms=[{name: bliss, selector: bliss}]'], cwd: process.cwd() });
    const ranks = planStages(config).map(rankOf);
    expect(ranks.at(-1)).toBeUndefined();
    const rest = ranks.slice(0, -1).map(Number);
    expect(rest.every((rank, i) => i === 0 || rank > rest[i - 1])).toBe(true);
  });

  test('is written as people say it', () => {
    const learning = LEARNING_STAGES.length;
    expect(forkPoint('round-2/selection')).toEqual({ stage: 'round-2/selection', rank: 4 + (learning + 5) + learning + 1 });
    expect(forkPoint('seed-3/bliss/round-2/selection')).toEqual(forkPoint('round-2/selection'));
    expect(forkPoint('round-2')).toEqual(forkPoint(`round-2/${LEARNING_STAGES[0]}`));
    expect(forkPoint('round-2').rank).toBe(forkPoint('round-1/evaluation').rank + 1);
    expect(forkPoint('seed-0/warm-up/proxy')).toEqual({ stage: 'warm-up/proxy', rank: 2 });
    expect(forkPoint('prepare').rank).toBe(0);
    for (const none of ['report', 'round-0/selection', 'round-x', 'selection', 'round-1/warm-up', '']) expect(() => forkPoint(none), none).toThrow(BlissError);
  });

  test('decays and evaluations alone are built on by nothing', () => {
    const { config } = loadConfig({ source: 'smoke', cwd: process.cwd() });
    expect(new Set(planStages(config).filter(isLeaf).map((stage) => stage.split('/').at(-1)))).toEqual(new Set(['decay', 'evaluation']));
  });
});
