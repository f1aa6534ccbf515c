import type { FieldPath } from './problem.js';
import { isDiscriminator, isRecord } from './schema-tree.js';

/** A source of settings; later ones win. */
export interface Layer {
  readonly value: unknown;
  /** set by the user (a file, an override), not by a preset */
  readonly own: boolean;
  /** `run.yaml:12` or `--set a.b=1` where the layer sets the field, else undefined */
  locate(path: FieldPath): string | undefined;
}

/** Mappings are merged key by key; lists and values replace; a mapping of another type (of source, tokenizer, model) replaces whole. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const otherMember = Object.keys(over).some((key) => isDiscriminator(key) && base[key] !== undefined && base[key] !== over[key]);
  if (otherMember) return over;
  return Object.fromEntries([
    ...Object.entries(base).map(([key, value]) => [key, Object.hasOwn(over, key) ? merge(value, over[key]) : value] as const),
    ...Object.entries(over).filter(([key]) => !Object.hasOwn(base, key)),
  ]);
}

/** A copy of `tree` with `value` merged in at `path`; a step into a list is an index of it. */
export function mergeAt(tree: unknown, path: FieldPath, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return merge(tree, value);
  if (Array.isArray(tree) && typeof key === 'number') return tree.map((item: unknown, i) => (i === key ? mergeAt(item, rest, value) : item));
  const inside = isRecord(tree) ? tree[key] : undefined;
  return merge(tree, { [key]: mergeAt(inside, rest, value) });
}

/** `undefined` where nothing is. */
export function valueAt(tree: unknown, path: FieldPath): unknown {
  let here = tree;
  for (const key of path) {
    if (Array.isArray(here) && typeof key === 'number') here = here[key];
    else if (isRecord(here) && Object.hasOwn(here, key)) here = here[key];
    else return undefined;
  }
  return here;
}

/** The place to show for a problem: where the last layer sets one of its fields, else the nearest mapping around. */
export function locate(layers: readonly Layer[], path: FieldPath, related: readonly FieldPath[] = []): string | undefined {
  for (const layer of layers.toReversed()) {
    for (const field of [path, ...related]) {
      const place = layer.locate(field);
      if (place !== undefined) return place;
    }
  }
  for (let length = path.length - 1; length >= 0; length--) {
    for (const layer of layers.toReversed()) {
      const place = layer.locate(path.slice(0, length));
      if (place !== undefined) return place;
    }
  }
  return undefined;
}
