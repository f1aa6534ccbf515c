import type { FieldPath } from './problem.js';
import { isDiscriminator, isRecord } from './schema-tree.js';

/** A source of settings; later ones win. */
export interface Layer {
  readonly value: unknown;
  /** set by the user (a file, an override), not by a preset */
  readonly own: boolean;
  /** `run.yaml:12` or `--set a.b=1` where the layer sets the field, else undefined */
  locate(path: FieldPath): string | undefined;
  /** of an override: the same, where it makes the mapping that a field is */
  locateAround?(path: FieldPath): string | undefined;
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

export interface LocateInput {
  readonly layers: readonly Layer[];
  /** the layers merged: a field that a later layer replaced away is nowhere */
  readonly tree: unknown;
  readonly path: FieldPath;
  readonly related?: readonly FieldPath[];
}

/** The place to show for a problem: where the last layer sets one of its fields, else the nearest mapping around. */
export function locate({ layers, tree, path, related = [] }: LocateInput): string | undefined {
  const lastFirst = layers.toReversed();
  const set = [path, ...related].filter((field) => valueAt(tree, field) !== undefined);
  const around = path.map((_, i) => path.slice(0, path.length - 1 - i));
  return (
    firstOf(lastFirst, (layer) => firstOf(set, (field) => layer.locate(field) ?? layer.locateAround?.(field))) ??
    firstOf(around, (field) => firstOf(lastFirst, (layer) => layer.locate(field)))
  );
}

function firstOf<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
