import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { load, refused } from './given.js';

describe('an arm of selector oracle', () => {
  const ORACLE = 'comparison.arms=[{name: o, selector: oracle}, {name: random, selector: random}]';

  test('needs the section that names its sources, and each of them is one of the corpus', () => {
    expect(loadConfig({ source: 'demo', overrides: [ORACLE] }).config.oracle).toEqual({ sources: ['books'] });
    expect(refused('extends: paper-410m\n', [ORACLE])).toContain('comparison.arms.0.selector: found "oracle" and no section oracle, allowed: oracle with that section, which says whose rows are wanted; add oracle: { sources: [...] }');
    expect(refused('extends: demo\n', [ORACLE, 'oracle.sources=[books, letters]'])).toContain('oracle.sources.1: found "letters", allowed: one of the corpus\'s sources: books, speeches, email, spam, shuffled, boilerplate');
    // which sources there are counts only where an arm goes by them
    expect(load('extends: demo\n', ['oracle.sources=[letters]']).config.oracle).toEqual({ sources: ['letters'] });
  });
});
