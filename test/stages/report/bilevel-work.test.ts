import { expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { flopsPerToken } from '../../../lib/models/index.js';
import { workOf } from '../../../lib/stages/report/work.js';

/** products with H of an outer step, as they were counted when this was written */
const PRODUCTS = [
  [{ method: 'gd', steps: 1, start: 'zero' }, 0],
  [{ method: 'gd', steps: 3, start: 'zero' }, 2],
  [{ method: 'gd', steps: 3, start: 'release' }, 3],
  [{ method: 'gd', steps: 3, start: 'warm' }, 3],
  [{ method: 'neumann', steps: 1, start: 'zero' }, 0],
  [{ method: 'neumann', steps: 5, start: 'zero' }, 4],
  [{ method: 'neumann', steps: 5, start: 'warm' }, 5],
  [{ method: 'cg', steps: 1, start: 'zero' }, 1],
  [{ method: 'cg', steps: 4, start: 'zero' }, 4],
  [{ method: 'cg', steps: 4, start: 'warm' }, 5],
  [{ method: 'identity', steps: 3, start: 'warm' }, 0],
] as const;

test.each(PRODUCTS)('of an outer step, z by %o counts %i products with H', (solver, products) => {
  const { config } = loadConfig({ source: 'smoke' });
  const { models } = config;
  const { sequenceLength } = config.data;
  const flopsOf = (changed: Partial<typeof config.bilevel.solver>): number => {
    const bilevel = { ...config.bilevel, solver: { ...config.bilevel.solver, ...changed } };
    const nothing = { uri: '', sha256: '', size: 0, digest: '' };
    return workOf('bilevel', { bilevel, models, sequenceLength, corpus: nothing, group: 1, seed: '0', proxy: nothing, target: nothing, scorer: null, ...config.runtime }, config).flops;
  };
  const forward = (model: typeof models.proxy): number => sequenceLength * flopsPerToken({ model, vocabularySize: models.vocabularySize, sequenceLength }).forward;
  const [proxy, target] = [forward(models.proxy), forward(models.target)];
  // lower loss of the target once and of the proxy with its gradient, then two derivatives a product
  const each = products === 0 ? 0 : target + 3 * proxy + 6 * products * proxy;
  const { outerSteps, batchSize } = config.bilevel;
  expect(flopsOf(solver) - flopsOf({ method: 'identity' })).toBeCloseTo(outerSteps * batchSize * each, -3);
});
