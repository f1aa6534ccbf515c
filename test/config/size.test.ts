import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { crossFieldProblems } from '../../config/checks.js';
import type { RunConfig } from '../../config/index.js';
import { load, refused } from './given.js';

const HEAD = 'extends: demo\nheldOut: { source: { type: files, paths: [h.jsonl] } }\n';
// a path has 500 bytes of JSON
const ofPaths = (count: number, more = ''): string => `${HEAD}${more}data: { sources: [{ type: files, name: web, paths: [${Array.from({ length: count }, (_, i) => `s${String(i).padStart(496, '0')}`).join(', ')}] }] }\n`;

describe('a configuration that Temporal would not take', () => {
  test('is refused with the field that takes most of it', () => {
    expect(load(ofPaths(3_800)).config.data.sources).toHaveLength(1);
    expect(refused(ofPaths(4_400))).toMatch(/^run\.yaml: the configuration has 2\.2 MB, of which data\.sources\.0\.paths takes 2\.2 MB; allowed: 2\.0 MB; name a folder or a glob in place of single files and sources$/);
  });

  test('counts once for each seed, whose first stages begin together', () => {
    expect(refused(ofPaths(3_800, 'seeds: [0, 1]\n'))).toMatch(/data\.sources\.0\.paths takes 1\.9 MB; allowed: 3\.6 MB for all 2 seeds together, which have 3\.8 MB; name a folder/);
    expect(load(ofPaths(1_600, 'seeds: [0, 1, 2, 3]\n')).config.seeds).toHaveLength(4);
  });

  test('is refused by its text alone where that is larger than any, with the section', () => {
    const text = `${HEAD}data:\n  rowsPerGroup: 64\n  sources:\n${Array.from({ length: 400_000 }, (_, i) => `    - {type: files, name: s${i}, paths: [part-${i}.jsonl]}\n`).join('')}`;
    expect(refused(text)).toMatch(/^run\.yaml: the file has 25\.0 MB, of which data takes 25\.0 MB; allowed: 4\.0 MB, and 2\.0 MB of configuration in it; name a folder or a glob/);
  });
});

describe('checks of', () => {
  const { config } = loadConfig({ source: 'demo' });
  const heldOut: RunConfig['heldOut'] = { ...config.heldOut, source: { type: 'files', paths: ['h.jsonl'], format: 'auto', textColumn: 'text' } };
  const source = (i: number): RunConfig['data']['sources'][number] => ({ type: 'files', name: `s${i}`, paths: [`${i}.jsonl`], format: 'auto', textColumn: 'text' });

  test('400,000 sources go through them once, and each repeated name is told', () => {
    const sources = Array.from({ length: 400_000 }, (_, i) => source(i));
    expect(crossFieldProblems({ ...config, heldOut, data: { ...config.data, sources } })).toEqual([]);
    const twice = crossFieldProblems({ ...config, heldOut, data: { ...config.data, sources: sources.map((_, i) => source(i % 200_000)) } });
    expect(twice).toHaveLength(200_000);
    expect(twice[1]).toEqual({ path: ['data', 'sources', 200_001, 'name'], message: 'found "s1" again (as data.sources.1.name), allowed: names that differ' });
  });
});

test('a mapping that is wrong in each of 40,000 keys is gone through once', () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `  weight_of_source_${i}: 1\n`).join('');
  expect(refused(`extends: demo\nscoring:\n${keys}`)).toMatch(/^run\.yaml: 40000 problems\n {2}run\.yaml:3: scoring\.weight_of_source_0: unknown key; known here: batchSize, shardsPerTask\n {2}run\.yaml:4: /);
});

test('a key that is repeated 150,000 times is an error, not the end of the stack', () => {
  expect(refused(`name: mine\n${'rounds: 1\n'.repeat(150_000)}`)).toMatch(/^run\.yaml: 149999 problems\n {2}run\.yaml:3: rounds/);
});
