import { describe, expect, test } from 'vitest';
import { load, refused } from './given.js';

/** A preset that leaves the bilevel section at its defaults. */
const PLAIN = 'extends: smoke\n';

describe('a bilevel phase that ends by itself', () => {
  test.each([
    ['bilevel.stopAt={rankCorrelation: 0.95, every: 20}', 'bilevel.stopAt.rankCorrelation: found 0.95 with bilevel.schedule "cosine"'],
    ['bilevel.stopAt={rankCorrelation: 1, every: 121}', 'bilevel.stopAt.every: found 121, allowed: at most 120'],
    ['bilevel.score.inherit=false', 'bilevel.laterOuterSteps: found 60 with bilevel.score.inherit false'],
    ['bilevel={schedule: wsd, warmUpFraction: 0}', 'bilevel.warmUpFraction: found 0, 0 of 240 outer steps'],
    ['bilevel={schedule: wsd, warmUpFraction: 0.6}', 'bilevel.warmUpFraction: found 0.6, 144 of 240 outer steps'],
    ['bilevel={schedule: wsd, warmUpFraction: 0.05, laterOuterSteps: 8}', 'bilevel.warmUpFraction: found 0.05, 0 of 8 outer steps'],
    // 24 steps of warm-up: comparisons at 160 and 240 at the soonest
    ['bilevel={schedule: wsd, stopAt: {rankCorrelation: 0.9, every: 80}}', 'bilevel.stopAt.every: found 80, allowed: a distance at which 240 outer steps can end by themselves'],
  ])('%s is refused', (override, message) => {
    const others = override.includes('inherit') ? ['bilevel.laterOuterSteps=60'] : [];
    expect(refused('extends: demo\n', ['bilevel.outerSteps=240', override, ...others])).toContain(message);
  });

  test('that only measures goes with any schedule, one that stops with wsd; parity with the release sets both back', () => {
    expect(load(PLAIN, ['bilevel.stopAt={rankCorrelation: 1, every: 20}']).config.bilevel.stopAt).toEqual({ rankCorrelation: 1, every: 20 });
    expect(load(PLAIN, ['bilevel.schedule=wsd', 'bilevel.stopAt={rankCorrelation: 0.95, every: 20}']).config.bilevel.schedule).toBe('wsd');
    expect(refused('extends: demo\n', ['parity=release', 'bilevel.schedule=wsd'])).toContain('under parity: release');
  });
});

describe('features of the score model', () => {
  test.each([
    [['bilevel.score.featureScale=8'], 'bilevel.score.featureScale: found 8 without bilevel.score.features'],
    [['bilevel.score.backbone=false'], 'bilevel.score.backbone: found false without bilevel.score.features'],
    [['bilevel.score.features=[dsir, dsir]'], 'bilevel.score.features.1: found "dsir" twice'],
    [['bilevel.score.features=[dsir, quality-classifier]'], 'bilevel.score.features.1: found "quality-classifier" beside "dsir"'],
    [['bilevel.score.features=[bliss]'], 'bilevel.score.features.0'],
    [['parity=release', 'bilevel.score.features=[dsir]'], 'bilevel.score.features: found ["dsir"], allowed: nothing under parity: release'],
  ])('%s are refused', (overrides, message) => {
    expect(refused(PLAIN, overrides)).toContain(message);
  });

  test('an empty list takes away those of a preset, with what the preset says of them, and nothing of the user’s own', () => {
    const { features, backbone, ...rest } = load('extends: demo\n').config.bilevel.score;
    expect({ features, backbone }).toEqual({ features: ['color', 'perplexity-low'], backbone: false });
    for (const config of [load('extends: demo\n', ['bilevel.score.features=[]']), load('extends: demo\nbilevel: { score: { features: [] } }\n')]) expect(config.config.bilevel.score).toEqual(rest);
    expect(refused('extends: demo\n', ['bilevel.score.features=[]', 'bilevel.score.backbone=false'])).toContain('bilevel.score.backbone: found false without bilevel.score.features');
  });
});
