import { describe, expect, test } from 'vitest';
import { load, refused } from './given.js';

describe('a bilevel phase that ends by itself', () => {
  test.each([
    ['bilevel.stopAt={rankCorrelation: 0.95, every: 20}', 'bilevel.stopAt.rankCorrelation: found 0.95 with bilevel.schedule "cosine"'],
    ['bilevel.stopAt={rankCorrelation: 1, every: 121}', 'bilevel.stopAt.every: found 121, allowed: at most 120'],
    ['bilevel.score.inherit=false', 'bilevel.laterOuterSteps: found 60 with bilevel.score.inherit false'],
  ])('%s is refused', (override, message) => {
    const others = override.includes('inherit') ? ['bilevel.laterOuterSteps=60'] : [];
    expect(refused('extends: demo\n', ['bilevel.outerSteps=240', override, ...others])).toContain(message);
  });

  test('that only measures goes with any schedule, one that stops with wsd; parity with the release sets both back', () => {
    expect(load('extends: demo\n', ['bilevel.stopAt={rankCorrelation: 1, every: 20}']).config.bilevel.stopAt).toEqual({ rankCorrelation: 1, every: 20 });
    expect(load('extends: demo\n', ['bilevel.schedule=wsd', 'bilevel.stopAt={rankCorrelation: 0.95, every: 20}']).config.bilevel.schedule).toBe('wsd');
    expect(refused('extends: demo\n', ['parity=release', 'bilevel.schedule=wsd'])).toContain('under parity: release');
  });
});
