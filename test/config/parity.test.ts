import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, RELEASE_LACKS, RELEASE_VALUES } from '../../config/index.js';
import { valueAt } from '../../config/layers.js';
import { applyParity } from '../../config/parity.js';
import { runSchema } from '../../config/schema.js';
import { isRecord } from '../../config/schema-tree.js';
import { load, refused } from './given.js';

/** fields that are absent by default, each with another value than the release's */
const GIVEN = ['bilevel.weights=logits', 'bilevel.temperature=0.5', 'bilevel.solver.method=identity', 'bilevel.solver.preconditioner=adam', 'bilevel.outerSteps=240', 'bilevel.schedule=wsd', 'bilevel.stopAt={rankCorrelation: 0.9, every: 20}'];

/** method §6 and the release's own settings, written out once more by hand */
const RELEASE = {
  data: { shuffleSeed: 0 },
  bilevel: {
    causalProxy: false,
    normaliser: 'stale',
    disjointBatches: false,
    trainingFraction: 1,
    klDirection: 'target-proxy',
    weights: 'softmax',
    score: { adam: { epsilon: 1e-8 } },
    solver: { method: 'gd', steps: 3, start: 'release', curvature: 'hessian' },
  },
  selection: { method: 'top-k-float16', randomRows: 'fixed', trainedRows: 'flag' },
  pretraining: { peakLearningRatePerRound: 'halved' },
};

describe('parity: release', () => {
  test('sets every departure that is a field back, over what the preset says', () => {
    const demo = loadConfig({ source: 'demo' }).config;
    const { config } = load('extends: demo\nparity: release\n');
    expect(config).toMatchObject(RELEASE);
    expect(demo.bilevel.solver).toMatchObject({ steps: 1, start: 'zero' });
    // and touches nothing else
    const restored = structuredClone(config);
    restored.parity = demo.parity;
    restored.bilevel = { ...restored.bilevel, causalProxy: true, normaliser: 'fresh', disjointBatches: true, weights: 'logits', score: { ...restored.bilevel.score, features: ['color', 'perplexity-low'], backbone: false }, solver: { ...restored.bilevel.solver, method: 'identity', preconditioner: 'adam', steps: 1, start: 'zero' } };
    restored.selection = { ...restored.selection, method: 'top-k', randomRows: 'seeded' };
    restored.pretraining.peakLearningRatePerRound = 'constant';
    restored.data.shuffleSeed = 'run';
    expect(restored).toEqual(demo);
  });

  test('sets back what is absent by default only where it is given: of a preset by its value, of the user’s own by a refusal', () => {
    const absent = load('extends: smoke\nparity: release\n').config.bilevel;
    expect(absent).not.toHaveProperty('temperature');
    expect(absent.solver).not.toHaveProperty('preconditioner');
    // as a preset that has them
    const tree = parse(loadConfig({ source: 'demo', overrides: GIVEN }).text) as object; // our own text
    const given = applyParity({ ...tree, parity: 'release' }, []);
    expect(given.problems).toEqual([]);
    expect(runSchema.parse(given.tree).bilevel).toMatchObject({ ...RELEASE.bilevel, temperature: 1, solver: { ...RELEASE.bilevel.solver, preconditioner: 'none' } });
    const refusal = refused('extends: demo\n', ['parity=release', ...GIVEN]);
    expect(refusal).toContain('bilevel.weights: found "logits", allowed: "softmax" under parity: release');
    expect(refusal).toContain('bilevel.temperature: found 0.5, allowed: 1 under parity: release');
    expect(refusal).toContain('bilevel.solver.preconditioner: found "adam", allowed: "none" under parity: release');
  });

  test('drops what the release has nothing like: of a preset without a word, of the user’s own by a refusal', () => {
    const OWN = ['bilevel.score.features=[dsir]', 'bilevel.score.featureScale=7', 'bilevel.score.backbone=false', 'bilevel.laterOuterSteps=100', 'selection.redundancy={weight: 1}'];
    const tree = parse(loadConfig({ source: 'smoke', overrides: OWN }).text) as object; // our own text
    const given = applyParity({ ...tree, parity: 'release' }, []);
    expect(given.problems).toEqual([]);
    const parsed = runSchema.parse(given.tree);
    for (const { path } of RELEASE_LACKS) {
      expect(valueAt(tree, path), path.join('.')).toBeDefined();
      expect(valueAt(parsed, path), path.join('.')).toBeUndefined();
    }
    expect(parsed).toEqual(load('extends: smoke\nparity: release\n').config);
    const refusal = refused('extends: smoke\n', ['parity=release', ...OWN]);
    expect(refusal).toContain('--set bilevel.score.features=[dsir]: bilevel.score.features: found ["dsir"], allowed: nothing under parity: release (its score model sees tokens alone); leave it out, or write parity: none');
    expect(refusal).toContain('bilevel.laterOuterSteps: found 100, allowed: nothing under parity: release (each round takes as many outer steps)');
    expect(refusal).toContain('selection.redundancy: found {"weight":1}, allowed: nothing under parity: release (it ranks by scores alone)');
    expect(load('extends: demo\nparity: release\n').config.bilevel.score).not.toHaveProperty('features');
  });

  test('works on a preset by --set, and on its own resolved text', () => {
    const { config, text, digest } = loadConfig({ source: 'paper-410m', overrides: ['parity=release'] });
    expect(config).toMatchObject(RELEASE);
    expect(load(text).digest).toBe(digest);
  });

  test('widens Pythia’s 31M to the release’s, and no other proxy', () => {
    const width = (overrides: readonly string[]): number => loadConfig({ source: 'paper-410m', overrides: ['parity=release', ...overrides] }).config.models.proxy.width;
    expect(loadConfig({ source: 'paper-410m' }).config.models.proxy.width).toBe(256);
    expect(width([])).toBe(1024);
    expect(width(['models.proxy.layers=12', 'models.proxy.heads=4'])).toBe(256);
    expect(loadConfig({ source: 'demo', overrides: ['parity=release'] }).config.models.proxy.width).toBe(96);
    const own = 'extends: paper-410m\nparity: release\nmodels:\n  proxy: { architecture: gpt-neox, layers: 6, width: WIDTH, heads: 8 }\n';
    expect(refused(own.replace('WIDTH', '256'))).toContain('models.proxy.width: found 256, allowed: 1024 under parity: release (its pythia-31m is 1024 wide; of a proxy of 6 × 256 × 8); write 1024, or parity: none');
    expect(load(own.replace('WIDTH', '2048')).config.models.proxy.width).toBe(2048);
  });

  test('has one corpus for all seeds: any shuffle, but not one a seed', () => {
    expect(load('extends: demo\nparity: release\ndata: { shuffleSeed: 9 }\n').config.data.shuffleSeed).toBe(9);
    expect(refused('extends: demo\nparity: release\ndata: { shuffleSeed: run }\n')).toContain('data.shuffleSeed: found "run", allowed: 0 under parity: release (its corpus is shuffled once, for all seeds); write 0, or parity: none');
  });

  test('names fields that exist', () => {
    const { config } = loadConfig({ source: 'demo', overrides: GIVEN });
    for (const { path } of RELEASE_VALUES) {
      expect(path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), config), path.join('.')).not.toBeUndefined();
    }
  });

  test('is contradicted by no field of the user’s own', () => {
    expect(refused('extends: demo\nparity: release\nbilevel:\n  normaliser: fresh\n', ['bilevel.causalProxy=true'])).toBe(
      [
        'run.yaml: 2 problems',
        '--set bilevel.causalProxy=true: bilevel.causalProxy: found true, allowed: false under parity: release (its proxy has no causal mask in the bilevel phase); write false, or parity: none',
        'run.yaml:4: bilevel.normaliser: found "fresh", allowed: "stale" under parity: release (the inner weights use the maximum and sum of the outer step before); write "stale", or parity: none',
      ].join('\n  '),
    );
    expect(load('extends: demo\nparity: release\nbilevel: { normaliser: stale }\n').config.bilevel.normaliser).toBe('stale');
    expect(refused('extends: demo\nparity: release\nbilevel: 3\n')).toBe('run.yaml:3: bilevel: found 3, allowed: a mapping');
  });
});
