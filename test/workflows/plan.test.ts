import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { seedOfChance } from '../../workflows/arm/chance.js';
import { planStages } from '../../workflows/plan.js';
import { slidingWindow } from '../../workflows/sliding-window.js';

describe('the plan of a run', () => {
  test('lists every stage of every seed and arm by path, the report last', () => {
    const { config } = loadConfig({ source: 'smoke', overrides: ['seeds=[0, 7]', 'rounds=2'], cwd: process.cwd() });
    const stages = planStages(config);
    expect(new Set(stages).size).toBe(stages.length);
    expect(stages.filter((stage) => stage.startsWith('seed-7/bliss/round-2/'))).toEqual(['bilevel', 'scoring', 'selection', 'pretraining', 'decay', 'evaluation'].map((stage) => `seed-7/bliss/round-2/${stage}`));
    expect(stages.filter((stage) => stage.startsWith('seed-0/random/round-1/'))).toEqual(['selection', 'pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/random/round-1/${stage}`));
    expect(stages.at(-1)).toBe('report');
  });

  test('has a stage of its own for what an arm scores by', () => {
    const { config } = loadConfig({ source: 'smoke', overrides: ['comparison.arms=[{name: m, selector: mates}, {name: d, selector: dsir}, {name: p, selector: perplexity-low}]'], cwd: process.cwd() });
    const before = (arm: string): string[] => planStages(config).filter((stage) => stage.includes(`/${arm}/`)).map((stage) => stage.split('/').at(-1) ?? '').slice(0, -4);
    expect([before('m'), before('d'), before('p')]).toEqual([['mates', 'scoring'], ['lexical', 'scoring'], ['scoring']]);
  });

  test('learns and scores nothing where another run’s selection is taken', () => {
    const { config } = loadConfig({ source: 'smoke', overrides: ['selection.from=other/round-1'], cwd: process.cwd() });
    expect(planStages(config).filter((stage) => stage.includes('/bliss/'))).toEqual(['pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/bliss/round-1/${stage}`));
  });
});

test('what chance draws follows the seed, or is the same for every seed', () => {
  const drawn = (overrides: readonly string[]): string[] => {
    const { config } = loadConfig({ source: 'smoke', overrides, cwd: process.cwd() });
    return [0, 1].map((seed) => seedOfChance(config.selection, seed));
  };
  expect(drawn([])).toEqual(['0', '1']);
  expect(drawn(['selection.randomRows=fixed'])).toEqual(['fixed', 'fixed']);
  expect(drawn(['parity=release'])).toEqual(['fixed', 'fixed']);
});

describe('a sliding window', () => {
  test('keeps order and never has more in flight than its width', async () => {
    let inFlight = 0;
    let most = 0;
    const results = await slidingWindow([5, 1, 4, 2, 3, 0], 2, async (item) => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setTimeout(resolve, item * 3));
      inFlight--;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 20, 30, 0]);
    expect(most).toBe(2);
  });

  test('awaits what is in flight before the first failure goes up, and starts nothing more', async () => {
    const started: number[] = [];
    let slowEnded = false;
    const run = slidingWindow([0, 1, 2, 3], 2, async (item) => {
      started.push(item);
      if (item === 0) throw new Error('no');
      await new Promise((resolve) => setTimeout(resolve, 20));
      slowEnded = true;
    });
    await expect(run).rejects.toThrow('no');
    expect(slowEnded).toBe(true);
    expect(started).toEqual([0, 1]);
  });
});
