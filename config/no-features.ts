import { valueAt, type Layer } from './layers.js';
import { without } from './parity.js';

const SCORE = ['bilevel', 'score'] as const;
const FEATURES = [...SCORE, 'features'] as const;
/** fields that say something of features alone */
const OF_FEATURES = [[...SCORE, 'featureScale'], [...SCORE, 'backbone']] as const;

/** `features: []` takes away those of a preset, with what the preset says of them. */
export function withoutNoFeatures(tree: unknown, layers: readonly Layer[]): unknown {
  const features = valueAt(tree, FEATURES);
  if (!Array.isArray(features) || features.length > 0) return tree;
  const isOwn = (path: readonly string[]): boolean => layers.some((layer) => layer.own && layer.locate(path) !== undefined);
  return [FEATURES, ...OF_FEATURES.filter((path) => !isOwn(path))].reduce(without, tree);
}
