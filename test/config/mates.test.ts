import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig, presetNames } from '../../config/index.js';
import { load, refused } from './given.js';

const ARMS = 'comparison.arms=[{name: mates, selector: mates}, {name: random, selector: random}]';

describe('an arm of selector mates', () => {
  // paper-2.8b takes another run's selection, for arms of selector bliss
  test.each(presetNames().filter((name) => name !== 'paper-2.8b'))('can be had in %s, whose section suits it', (source) => {
    expect(loadConfig({ source, overrides: [ARMS] }).config.mates).toBeDefined();
  });

  test('has the release’s settings by default', () => {
    expect(loadConfig({ source: 'paper-410m', overrides: [ARMS] }).config.mates).toEqual({
      probes: 80_000, probeLearningRate: 1e-3, validationExamples: 1_024, validationBatchSize: 32, heldOutFraction: 0.1, epochs: 5, batchSize: 64, peakLearningRate: 5e-5, warmUpFraction: 0,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }, gradientClip: 1, temperature: 0.5, checkpointEvery: 500,
    });
  });

  test('needs its section', () => {
    const { mates: _, ...without } = parse(loadConfig({ source: 'demo' }).text) as Record<string, unknown>; // our own text
    expect(load(stringify(without)).config.mates).toBeUndefined();
    expect(refused(stringify(without), [ARMS])).toBe('--set comparison.arms=[{name: mates, selector: mates}, {name: random, selector: random}]: comparison.arms.0.selector: found "mates" and no section mates, allowed: mates with that section, which says how many rows are probed; add mates: { probes: ... }');
  });

  test.each([
    ['mates.probes=4097', /mates\.probes: found 4097, allowed: at most 4096, the rows of a group, data\.rowsPerGroup/],
    ['mates.validationExamples=257', /mates\.validationExamples: found 257, allowed: at most 256, the examples of heldOut\.validation/],
    ['mates.batchSize=321', /mates\.batchSize: found 321, allowed: at most 320, the probes that mates\.heldOutFraction 0\.2 leaves of 400/],
    ['mates={probes: 3277}', /mates\.probes: found 3277, allowed: at most 3276, the rows of a group that selection\.fraction 0\.2 leaves/],
  ])('is refused with %s, which is of no account without it', (override, message) => {
    const others = override.includes('{') ? ['selection.trainedRows=exclude', 'bilevel.trainingFraction=0.8'] : [];
    expect(refused('extends: demo\n', [ARMS, override, ...others])).toMatch(message);
    expect(load('extends: demo\n', [override, ...others]).config.mates).toBeDefined();
  });
});
