import { describe, expect, test } from 'vitest';
import { load, refused } from './given.js';

const sources = (text: string): string => `extends: demo\nheldOut: { source: { type: files, paths: [h.jsonl] } }\ndata:\n${text}`;

describe('a glob without quotes', () => {
  test.each([
    ['[*.jsonl]', '*.jsonl'],
    ['[web/a.jsonl, **/*.txt]', '**/*.txt'],
    ['\n        - */part-*.parquet', '*/part-*.parquet'],
    ['*.jsonl.gz', '*.jsonl.gz'],
  ])('paths: %s says what to write', (paths, glob) => {
    const message = refused(sources(`  sources:\n    - type: files\n      name: web\n      paths: ${paths}`));
    expect(message).toMatch(/^run\.yaml:\d: /);
    expect(message).toContain(`${glob} refers to no anchor before it; write it in quotes, as a text that begins with * stands in them: "${glob}"`);
  });

  test('of --set too', () => {
    expect(refused('extends: demo', ['data.sources.0.paths=[*.jsonl]'])).toContain('write it in quotes, as a text that begins with * stands in them: "*.jsonl"');
  });
});

describe('merge keys', () => {
  const PROXY = '{ architecture: gpt-neox, layers: 2, width: 64, heads: 4 }';
  test('take over a mapping, and what stands beside them goes before it', () => {
    const { config } = load(`extends: demo\nmodels:\n  proxy: &small ${PROXY}\n  target:\n    layers: 6\n    <<: *small\n    heads: 2\n`);
    expect(config.models.proxy).toMatchObject({ layers: 2, width: 64, heads: 4 });
    expect(config.models.target).toMatchObject({ layers: 6, width: 64, heads: 2 });
  });

  test('of several mappings the first goes before the next', () => {
    const { config } = load(`extends: demo\nwarmUp: &a { batchSize: 4, steps: 9, warmUpSteps: 1 }\npretraining:\n  <<: [{ batchSize: 5 }, *a]\n`);
    expect(config.pretraining).toMatchObject({ batchSize: 5, steps: 9 });
  });

  test('a hundred and more of one anchor are read', () => {
    const all = Array.from({ length: 300 }, (_, i) => `    - { <<: *shared, name: s${i} }`).join('\n');
    const { config } = load(sources(`  sources:\n    - &shared { type: files, name: first, paths: [a.jsonl], textColumn: body }\n${all}`));
    expect(config.data.sources).toHaveLength(301);
    expect(config.data.sources.at(-1)).toMatchObject({ name: 's299', textColumn: 'body' });
  });

  test('a problem in what is merged is shown where it is written', () => {
    expect(refused(`extends: demo\nwarmUp: &a\n  batchSize: 4\n  warmUpSteps: many\npretraining:\n  <<: *a\n  batchSize: 2\n`)).toMatch(/run\.yaml:4: pretraining\.warmUpSteps: found "many"/);
  });

  test.each([
    ['<<: 3', 'run.yaml:3: <<: found something else, allowed: a mapping with an anchor, or a list of them; write <<: *name, and &name before that mapping'],
    ['<<: *none', '*none refers to no anchor before it'],
    ['<<: { batchSize: 2 }\n  <<: { steps: 2 }', 'run.yaml:4: pretraining.<<: set twice, first on line 3; write <<: [*a, *b]'],
    ['"<<": { batchSize: 2 }', 'pretraining.<<: unknown key'],
  ])('%j is refused', (text, message) => {
    expect(refused(`extends: demo\npretraining:\n  ${text}\n`)).toContain(message);
  });
});
