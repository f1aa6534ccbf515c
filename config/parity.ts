import { mergeAt, valueAt } from './layers.js';
import type { Layer } from './layers.js';
import { expected } from './problem.js';
import type { FieldPath, Problem } from './problem.js';
import { isRecord } from './schema-tree.js';

export interface ReleaseValue {
  readonly path: FieldPath;
  readonly value: string | number | boolean;
  /** what the release does */
  readonly because: string;
}

/**
 * What `parity: release` sets: every departure of the method's page that is a field of the run. Not fields: the
 * shape of the proxy (departure 2 is a choice of `models.proxy`), the release's arbitrary fixed random subset (3)
 * and its scores in float16 (7).
 * @see method §6
 */
export const RELEASE_VALUES: readonly ReleaseValue[] = [
  { path: ['bilevel', 'causalProxy'], value: false, because: 'its proxy has no causal mask in the bilevel phase' },
  { path: ['bilevel', 'normaliser'], value: 'stale', because: 'the inner weights use the maximum and sum of the outer step before' },
  { path: ['bilevel', 'disjointBatches'], value: false, because: 'its two iterators overlap' },
  { path: ['bilevel', 'trainingFraction'], value: 1, because: 'every row it ranks may train the scorer' },
  { path: ['bilevel', 'klDirection'], value: 'target-proxy', because: 'KL(target ‖ proxy)' },
  { path: ['bilevel', 'weights'], value: 'softmax', because: 'weights are a softmax over the minibatch' },
  { path: ['bilevel', 'score', 'adam', 'epsilon'], value: 1e-8, because: 'AdamW’s usual ε, though it damps a fifth of the hypergradient' },
  { path: ['bilevel', 'solver', 'method'], value: 'gd', because: 'it has no other solver' },
  { path: ['bilevel', 'solver', 'start'], value: 'release', because: 'z starts at 1/numel in every tensor' },
  { path: ['bilevel', 'solver', 'curvature'], value: 'hessian', because: 'exact Hessian by double backward' },
  { path: ['selection', 'method'], value: 'top-k', because: 'it keeps the top by score' },
  { path: ['selection', 'trainedRows'], value: 'flag', because: 'it ranks the rows that trained the scorer too' },
  { path: ['pretraining', 'peakLearningRatePerRound'], value: 'halved', because: 'peak·0.5^(r−1) in round r' },
];

/**
 * Sets the release's values where `parity: release` is asked for. A preset's own choice gives way; a user's that
 * contradicts is a problem, since one of the two must be a mistake.
 */
export function applyParity(tree: unknown, layers: readonly Layer[]): { readonly tree: unknown; readonly problems: readonly Problem[] } {
  if (!isRecord(tree) || tree['parity'] !== 'release') return { tree, problems: [] };
  const own = layers.filter((layer) => layer.own);
  const problems: Problem[] = [];
  let result: unknown = tree;
  for (const { path, value, because } of RELEASE_VALUES) {
    const found = valueAt(tree, path);
    if (found !== undefined && found !== value && own.some((layer) => layer.locate(path) !== undefined)) {
      problems.push({ path, message: expected(JSON.stringify(found), `${JSON.stringify(value)} under parity: release (${because})`), mend: 'remove the line, or write parity: none' });
      continue;
    }
    const holders = path.slice(0, -1).map((_, i) => valueAt(result, path.slice(0, i + 1)));
    // a section of a wrong type is reported as such later
    if (holders.every((holder) => holder === undefined || isRecord(holder))) result = mergeAt(result, path, value);
  }
  return { tree: result, problems };
}
