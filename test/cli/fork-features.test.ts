import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { changedFeatures } from '../../cli/fork/features.js';
import { forkPoint, rankOf } from '../../cli/fork/point.js';
import { takeStages } from '../../cli/fork/take.js';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import { planStages } from '../../workflows/plan.js';

const configOf = (...overrides: string[]): RunConfig =>
  loadConfig({ source: 'smoke', overrides: ['rounds=2', 'comparison.arms=[{name: bliss, selector: bliss},{name: dsir, selector: dsir}]', ...overrides], cwd: process.cwd() }).config;
const withDsir = configOf('bilevel.score.features=[dsir]');

describe('a fork of a run whose score model has features', () => {
  test('has them before the score model in its order', () => {
    const config = configOf('bilevel.score.features=[color, color-target, dsir, perplexity-low]');
    for (const round of [1, 2]) {
      const before = planStages(config).filter((stage) => stage.startsWith(`seed-0/bliss/round-${round}/`) && Number(rankOf(stage)) < Number(rankOf(`round-${round}/bilevel`)));
      expect(new Set(before.map((stage) => stage.split('/').at(-1)))).toEqual(new Set(['color', 'lexical', 'recolor']));
    }
  });

  test('does not go on with weights of other features', () => {
    const fields = (config: RunConfig, from = 'round-2', before = withDsir): string[] => changedFeatures({ before, config, point: forkPoint(from) }).map(({ field }) => field);
    expect(fields(configOf('bilevel.score.features=[quality-classifier]'))).toEqual(['bilevel.score.features.0']);
    expect(fields(configOf('bilevel.score.features=[dsir]', 'bilevel.score.featureScale=16'))).toEqual(['bilevel.score.featureScale']);
    expect(fields(configOf('bilevel.score.features=[dsir]', 'bilevel.score.backbone=false'))).toEqual(['bilevel.score.backbone']);
    expect(fields(configOf(), 'round-1/pretraining')).toEqual(['bilevel.score.features.0']);
    expect(fields(withDsir, 'round-2', configOf())).toEqual(['bilevel.score.features.0']);
  });

  test('does not go on with weights of a fine-tune of other settings, where its scores are a feature', () => {
    const before = configOf('bilevel.score.features=[color]');
    const fields = (...overrides: string[]): string[] => changedFeatures({ before, config: configOf('bilevel.score.features=[color]', ...overrides), point: forkPoint('round-2') }).map(({ field }) => field);
    expect(fields('color.steps=5')).toEqual(['color.steps']);
    expect(fields('color.steps=64')).toEqual([]); // the default
    expect(changedFeatures({ before: withDsir, config: configOf('bilevel.score.features=[dsir]', 'color.steps=5'), point: forkPoint('round-2') })).toEqual([]);
  });

  test('is refused by the name of the field, before anything of the other run is read', async () => {
    const home = openHome(path.join(os.tmpdir(), 'no-such-home'));
    const input = { run: 'before', config: withDsir, configFolder: '', scope: '' };
    const take = takeStages({ home, input, config: configOf('bilevel.score.features=[quality-classifier]'), from: 'round-2' });
    await expect(take).rejects.toMatchObject({ code: 'ConfigInvalid', where: 'bilevel.score.features.0', message: expect.stringContaining('"dsir" → "quality-classifier" with bilevel.score.inherit does not fit what before has') });
  });

  test('may have others where no score model is gone on with, and a default written out is none', () => {
    const fields = (from: string, ...overrides: string[]): string[] => changedFeatures({ before: withDsir, config: configOf(...overrides), point: forkPoint(from) }).map(({ field }) => field);
    const other = 'bilevel.score.features=[quality-classifier]';
    expect(fields('round-1', other)).toEqual([]);
    expect(fields('round-2/scoring', other)).toEqual([]);
    expect(fields('round-2', other, 'bilevel.score.inherit=false')).toEqual([]);
    expect(fields('round-2', 'bilevel.score.features=[dsir]', 'bilevel.score.featureScale=32', 'bilevel.score.backbone=true')).toEqual([]);
  });
});
