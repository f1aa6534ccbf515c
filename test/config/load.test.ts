import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { configDigest, loadConfig, presetNames } from '../../config/index.js';
import { folderWith, load, refused } from './given.js';

const set = (...overrides: string[]) => loadConfig({ source: 'demo', overrides }).config;

describe('presets', () => {
  test('are those of the issue, in the order of the documentation', () => {
    expect(presetNames()).toEqual(['demo', 'smoke', 'mid', 'paper-410m', 'paper-1b', 'paper-2.8b', 'llama-0.5b']);
  });

  test.each(presetNames())('%s loads, without a note, and goes by its own name', (source) => {
    const { config, configFolder, origin, notes } = loadConfig({ source, cwd: '/somewhere' });
    expect({ name: config.name, configFolder, origin, notes }).toEqual({ name: source, configFolder: '/somewhere', origin: { kind: 'preset', name: source }, notes: [] });
  });

  test.each(presetNames())('%s: the resolved text gives the same configuration again', (source) => {
    const { config, text, digest } = loadConfig({ source });
    const again = load(text);
    expect(again.config).toEqual(config);
    expect(again.digest).toBe(digest);
  });

  test('paper runs are those of method §5', () => {
    const { config } = loadConfig({ source: 'paper-410m' });
    expect(config).toMatchObject({
      rounds: 4,
      data: { sequenceLength: 1024 },
      models: { vocabularySize: 50304, proxy: { layers: 6, width: 256, heads: 8 }, target: { layers: 24, width: 1024, heads: 16 } },
      warmUp: { steps: 10_000, batchSize: 512, peakLearningRate: 1e-3, warmUpSteps: 2_000, fraction: 0.2, gradientClip: 1 },
      bilevel: { outerSteps: 3_000, batchSize: 32, klWeight: 1e-2, l2Weight: 1e-7, proxy: { peakLearningRate: 1e-5 }, score: { peakLearningRate: 1e-5 }, warmUpFraction: 0.1 },
      runtime: { precision: 'bf16-mixed', recompute: 'blocks' },
      pretraining: { steps: 10_000, batchSize: 512, adam: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 }, decay: { steps: 200, halfLife: 50 } },
    });
    // a selection is seen once in a round
    expect(config.data.rowsPerGroup * config.selection.fraction).toBe(config.pretraining.steps * config.pretraining.batchSize);
    expect(loadConfig({ source: 'paper-2.8b' }).config).toMatchObject({ selection: { from: 'paper-1b/round-3' }, models: { target: { layers: 32, width: 2560, heads: 32 } } });
    // the released script's
    expect(loadConfig({ source: 'paper-1b' }).config).toMatchObject({ models: { proxy: { layers: 12, width: 768, heads: 12 }, target: { layers: 16, width: 2048, heads: 8 } }, bilevel: { outerSteps: 6_000, innerSteps: 5 } });
    // no step of theirs holds a whole batch at once
    for (const preset of ['paper-410m', 'paper-1b', 'paper-2.8b', 'llama-0.5b']) for (const section of ['warmUp', 'bilevel', 'pretraining'] as const) expect(loadConfig({ source: preset }).config[section].microBatchSize, `${preset} ${section}`).toBeLessThanOrEqual(8);
    expect(loadConfig({ source: 'llama-0.5b' }).config.models).toMatchObject({ proxy: { architecture: 'gpt-neox', width: 256 }, target: { architecture: 'llama' } });
  });
});

describe('a file', () => {
  test('by path: its own folder is where relative paths start', () => {
    const cwd = folderWith('');
    mkdirSync(path.join(cwd, 'runs'));
    writeFileSync(path.join(cwd, 'runs', 'mine.yaml'), 'extends: demo\nname: mine\n');
    const loaded = loadConfig({ source: 'runs/mine.yaml', cwd });
    expect(loaded.configFolder).toBe(path.join(cwd, 'runs'));
    expect(loaded.origin).toEqual({ kind: 'file', name: 'runs/mine.yaml' });
  });

  test('~/ is the user’s home, in every field and override', () => {
    const { config, text } = load("extends: demo\ndata: { sources: [{ type: files, name: web, paths: ['~/web/*.jsonl', web~/a.jsonl] }] }\nheldOut: { source: { type: files, paths: [~/books.txt] } }\ntokenizer: { type: file, path: ~/t.json }\n", ['worker.preemptionFile=~/notice']);
    const home = os.homedir();
    expect(config).toMatchObject({ data: { sources: [{ paths: [`${home}/web/*.jsonl`, 'web~/a.jsonl'] }] }, heldOut: { source: { paths: [`${home}/books.txt`] } }, tokenizer: { path: `${home}/t.json` }, worker: { preemptionFile: `${home}/notice` } });
    expect(text).not.toContain('~/t.json');
  });

  test('extends a preset: mappings merge, lists and mappings of another type replace', () => {
    const demo = loadConfig({ source: 'demo' }).config;
    const { config } = load('extends: demo\nseeds: [3, 4]\nbilevel: { score: { peakLearningRate: 5.0e-4 } }\ntokenizer: { type: file, path: t.json }\n');
    expect(config).toEqual({
      ...demo,
      seeds: [3, 4],
      bilevel: { ...demo.bilevel, score: { ...demo.bilevel.score, peakLearningRate: 5e-4 } },
      tokenizer: { type: 'file', path: 't.json' },
    });
  });

  test('may use anchors, and Windows line ends', () => {
    expect(load('extends: demo\r\nseeds: &s [5]\r\nevaluation:\r\n  sets: [test]\r\n').config.seeds).toEqual([5]);
  });

  test('says which checkpoints will not come', () => {
    expect(load('extends: demo\nbilevel: { checkpointEvery: 500 }\n').notes).toEqual([
      'bilevel.checkpointEvery 500 is more than bilevel.outerSteps 60: that stage saves no checkpoint and starts over when it is killed',
    ]);
  });

  test('says where no checkpoint is kept though some were asked for', () => {
    expect(load('extends: demo\nworker: { keepCheckpointsEvery: 20 }\n').notes).toEqual([]);
    expect(load('extends: demo\nworker: { keepCheckpointsEvery: 240 }\n').notes).toEqual([
      'worker.keepCheckpointsEvery 240 keeps none of a stage of bilevel.outerSteps 60 with bilevel.checkpointEvery 20',
      'worker.keepCheckpointsEvery 240 keeps none of a stage of pretraining.steps 250 with pretraining.checkpointEvery 50',
      'worker.keepCheckpointsEvery 240 keeps none of a stage of warmUp.steps 250 with pretraining.checkpointEvery 50',
    ]);
  });
});

describe('--set', () => {
  const demo = loadConfig({ source: 'demo' }).config;

  test('sets one field, and nothing else', () => {
    expect(set('pretraining.steps=200')).toEqual({ ...demo, pretraining: { ...demo.pretraining, steps: 200 } });
  });

  test('takes YAML, list items, defaults of lists, and the last of two', () => {
    const config = set('seeds=[1, 2]', 'seeds.1=7', 'comparison.arms.1.name=chance', 'data.sources.0.mixture.books=0.5', 'rounds=3', 'rounds=1', 'bilevel={innerSteps: 5}');
    expect(config.seeds).toEqual([1, 7]);
    expect(config.comparison.arms).toEqual([{ name: 'bliss', selector: 'bliss' }, { name: 'chance', selector: 'random' }]);
    expect(config.data.sources[0]).toMatchObject({ type: 'demo', mixture: { books: 0.5, spam: 0.2 } });
    expect(config.rounds).toBe(1);
    expect(config.bilevel).toEqual({ ...demo.bilevel, innerSteps: 5 });
  });

  test('a type and its fields, in either order', () => {
    expect(set('tokenizer.path=a.json', 'tokenizer.type=file').tokenizer).toEqual({ type: 'file', path: 'a.json' });
    expect(set('tokenizer.type=file', 'tokenizer.path=a.json').tokenizer).toEqual({ type: 'file', path: 'a.json' });
  });

  const cases: readonly (readonly [override: string, message: string])[] = [
    ['pretraining.steps=ten', '--set pretraining.steps=ten: pretraining.steps: found "ten", allowed: an integer ≥ 1'],
    ['pretraning.steps=3', '--set pretraning.steps=3: pretraning: unknown key; did you mean pretraining?'],
    ['pretraining.stepps=3', '--set pretraining.stepps=3: pretraining.stepps: unknown key; did you mean steps?'],
    ['models.proxy.heads=5', '--set models.proxy.heads=5: models.proxy.heads: found 5, allowed: a divisor of width 96; write 4'],
    ['models.target.width=98', '--set models.target.width=98: models.target.heads: found 4, allowed: a divisor of width 98; write 2'],
    ['rounds=', '--set rounds=: rounds: found nothing (an empty value), allowed: an integer ≥ 1; remove the key to take its default'],
    ['pretraining.steps', '--set pretraining.steps: no "=" in it; write --set pretraining.steps=VALUE'],
    ['=3', '--set =3: "" names no field; write --set pretraining.steps=200, say'],
    ['a..b=3', '--set a..b=3: "a..b" names no field; write --set pretraining.steps=200, say'],
    ['seeds=[1', '--set seeds=[1: not valid YAML: Flow sequence must end with a ]; write the value as YAML, in quotes for the shell where it has spaces'],
    ['seeds.4=3', '--set seeds.4=3: seeds is a list of 1: found "4", allowed: a number from 0 to 0; or set the whole list: --set \'seeds=[...]\''],
    ['comparison.arms.x.name=q', '--set comparison.arms.x.name=q: comparison.arms is a list of 2: found "x", allowed: a number from 0 to 1; or set the whole list: --set \'comparison.arms=[...]\''],
    ['extends=smoke', '--set extends=smoke: extends is read from the file alone; write it into the file, or name the preset in place of the file'],
    ['pretraining.steps.more=3', '--set pretraining.steps.more=3: pretraining.steps: found a mapping, allowed: an integer ≥ 1'],
  ];
  test.each(cases)('%s is refused by its name', (override, message) => expect(refused('extends: demo\n', [override])).toBe(message));
});

describe('the digest', () => {
  test('depends on no order of keys, nor on what is written out', () => {
    const a = load('extends: demo\nname: x\nwarmUp: { steps: 300, batchSize: 8 }\n');
    const b = load('warmUp: { batchSize: 8, steps: 300, warmUpSteps: 25 }\nname: x\nextends: demo\n', ['rounds=2']);
    expect(b.digest).toBe(a.digest);
    expect(a.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(load('extends: demo\nname: x\nwarmUp: { steps: 301, batchSize: 8 }\n').digest).not.toBe(a.digest);
  });

  test('is sha256 of JSON with sorted keys', () => {
    // printf '{"a":[1,{"c":"ü","d":1e-8}],"b":null}' | sha256sum
    expect(configDigest({ b: null, a: [1, { d: 1e-8, c: 'ü', e: undefined }] })).toBe('94f0233d903a09d4e8db2654ec396499443809b57c1c7c7235e763e3ea42eab1');
  });
});
