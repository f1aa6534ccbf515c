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
  /** where it applies, by the tree of before; everywhere by default */
  readonly applies?: (tree: unknown) => boolean;
}

/**
 * What `parity: release` sets: every departure of the method's page, and what could be set otherwise.
 * @see method §6
 */
export const RELEASE_VALUES: readonly ReleaseValue[] = [
  { path: ['bilevel', 'causalProxy'], value: false, because: 'its proxy has no causal mask in the bilevel phase' },
  { path: ['models', 'proxy', 'width'], value: 1024, because: 'its pythia-31m is 1024 wide; of a proxy of 6 × 256 × 8', applies: hasPythia31mAsProxy },
  { path: ['bilevel', 'normaliser'], value: 'stale', because: 'the inner weights use the maximum and sum of the outer step before' },
  { path: ['bilevel', 'disjointBatches'], value: false, because: 'its two iterators overlap' },
  { path: ['bilevel', 'trainingFraction'], value: 1, because: 'every row it ranks may train the scorer' },
  { path: ['bilevel', 'klDirection'], value: 'target-proxy', because: 'KL(target ‖ proxy)' },
  { path: ['bilevel', 'weights'], value: 'softmax', because: 'weights are a softmax of the scores over the minibatch' },
  { path: ['bilevel', 'temperature'], value: 1, because: 'that softmax has no temperature; where one is given', applies: isSet(['bilevel', 'temperature']) },
  { path: ['bilevel', 'schedule'], value: 'cosine', because: 'its learning rates follow a cosine; where a schedule is given', applies: isSet(['bilevel', 'schedule']) },
  { path: ['bilevel', 'stopAt', 'rankCorrelation'], value: 1, because: 'it takes all of its steps; where a stop is given', applies: isSet(['bilevel', 'stopAt']) },
  { path: ['bilevel', 'score', 'adam', 'epsilon'], value: 1e-8, because: 'AdamW’s usual ε, though it damps a fifth of the hypergradient' },
  { path: ['bilevel', 'solver', 'method'], value: 'gd', because: 'it has no other solver' },
  { path: ['bilevel', 'solver', 'steps'], value: 3, because: 'it takes three steps' },
  { path: ['bilevel', 'solver', 'start'], value: 'release', because: 'z starts at 1/numel in every tensor' },
  { path: ['bilevel', 'solver', 'curvature'], value: 'hessian', because: 'exact Hessian by double backward' },
  { path: ['bilevel', 'solver', 'preconditioner'], value: 'none', because: 'z knows nothing of AdamW; where one is given', applies: isSet(['bilevel', 'solver', 'preconditioner']) },
  { path: ['selection', 'method'], value: 'top-k-float16', because: 'it ranks by scores in float16' },
  { path: ['selection', 'randomRows'], value: 'fixed', because: 'its random rows are one fixed subset' },
  { path: ['data', 'shuffleSeed'], value: 0, because: 'its corpus is shuffled once, for all seeds', applies: hasSplitPerSeed },
  { path: ['selection', 'trainedRows'], value: 'flag', because: 'it ranks the rows that trained the scorer too' },
  { path: ['pretraining', 'peakLearningRatePerRound'], value: 'halved', because: 'peak·0.5^(r−1) in round r' },
];

export interface ReleaseLacks {
  readonly path: FieldPath;
  /** what the release does without it */
  readonly because: string;
}

/** What the release has nothing like: absent under `parity: release`. */
export const RELEASE_LACKS: readonly ReleaseLacks[] = [
  { path: ['bilevel', 'score', 'features'], because: 'its score model sees tokens alone' },
  { path: ['bilevel', 'score', 'featureScale'], because: 'it has no features' },
  { path: ['bilevel', 'score', 'backbone'], because: 'its score model is a transformer' },
  { path: ['bilevel', 'laterOuterSteps'], because: 'each round takes as many outer steps' },
  { path: ['selection', 'redundancy'], because: 'it ranks by scores alone' },
];

/** 6 × 256 × 8, as Pythia has it; the release gives the name to another model */
function hasPythia31mAsProxy(tree: unknown): boolean {
  const proxy = valueAt(tree, ['models', 'proxy']);
  return isRecord(proxy) && proxy['architecture'] === 'gpt-neox' && proxy['layers'] === 6 && proxy['width'] === 256 && proxy['heads'] === 8;
}

/** of a field that may be absent, which is the release's */
function isSet(path: FieldPath): (tree: unknown) => boolean {
  return (tree) => valueAt(tree, path) !== undefined;
}

/** any one shuffle does: the fixed random rows are then the same for every seed */
function hasSplitPerSeed(tree: unknown): boolean {
  return typeof valueAt(tree, ['data', 'shuffleSeed']) !== 'number';
}

/**
 * Sets the release's values where `parity: release` is asked for. A preset's own choice gives way; a user's that
 * contradicts is a problem, since one of the two must be a mistake.
 */
export function applyParity(tree: unknown, layers: readonly Layer[]): { readonly tree: unknown; readonly problems: readonly Problem[] } {
  if (!isRecord(tree) || tree['parity'] !== 'release') return { tree, problems: [] };
  const own = layers.filter((layer) => layer.own);
  const problems: Problem[] = [];
  let result: unknown = tree;
  for (const { path, value, because, applies } of RELEASE_VALUES) {
    if (applies?.(tree) === false) continue;
    const found = valueAt(tree, path);
    if (found !== undefined && found !== value && own.some((layer) => layer.locate(path) !== undefined)) {
      problems.push({ path, message: expected(JSON.stringify(found), `${JSON.stringify(value)} under parity: release (${because})`), fix: `write ${JSON.stringify(value)}, or parity: none` });
      continue;
    }
    const holders = path.slice(0, -1).map((_, i) => valueAt(result, path.slice(0, i + 1)));
    // a section of a wrong type is reported as such later
    if (holders.every((holder) => holder === undefined || isRecord(holder))) result = mergeAt(result, path, value);
  }
  for (const { path, because } of RELEASE_LACKS) {
    const found = valueAt(tree, path);
    if (found === undefined) continue;
    if (own.some((layer) => layer.locate(path) !== undefined)) problems.push({ path, message: expected(JSON.stringify(found), `nothing under parity: release (${because})`), fix: 'leave it out, or write parity: none' });
    else result = without(result, path);
  }
  return { tree: result, problems };
}

/** The tree without what is at a path. */
export function without(tree: unknown, [key, ...rest]: FieldPath): unknown {
  if (!isRecord(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).flatMap(([name, value]): [string, unknown][] => (name !== key ? [[name, value]] : rest.length === 0 ? [] : [[name, without(value, rest)]])));
}
