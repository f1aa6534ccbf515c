import { expected } from './problem.js';
import type { Problem } from './problem.js';
import type { RunConfig } from './fields.js';
import { sourceNames } from './made-corpora.js';
import { selectorRow } from './tables/selectors.js';

/** An arm of selector oracle is told which sources are wanted, and they are of this corpus. */
export function oracleProblems({ oracle: section, comparison, data }: RunConfig): Problem[] {
  const arm = comparison.arms.findIndex(({ selector }) => selectorRow(selector).section === 'oracle');
  if (arm < 0) return [];
  if (section === undefined) {
    return [{ path: ['comparison', 'arms', arm, 'selector'], message: expected('"oracle" and no section oracle', 'oracle with that section, which says whose rows are wanted'), fix: 'add oracle: { sources: [...] }' }];
  }
  const names = sourceNames(data.sources);
  return section.sources.flatMap((name, i) => (names.includes(name) ? [] : [{ path: ['oracle', 'sources', i], message: expected(`"${name}"`, `one of the corpus's sources: ${names.join(', ')}`), related: [['data', 'sources']] }]));
}
