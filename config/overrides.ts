import { mergeAt, valueAt } from './layers.js';
import type { Layer } from './layers.js';
import type { FieldPath } from './problem.js';
import { isDiscriminator, nodeAt } from './schema-tree.js';
import { readYaml } from './yaml.js';

export interface Override extends Layer {
  readonly path: FieldPath;
}

/** `pretraining.steps=200`, `seeds=[1, 2]`, `data.sources.0.name=mine`: the right side is YAML. Text in place of an override says what is wrong with it. */
export function readOverride(text: string): Override | { readonly wrong: string; readonly fix: string } {
  const equals = text.indexOf('=');
  if (equals < 0) return { wrong: 'no "=" in it', fix: `write --set ${text.trim() || 'FIELD'}=VALUE` };
  const name = text.slice(0, equals).trim();
  const path = name.split('.').map((key) => (/^(0|[1-9][0-9]*)$/.test(key) ? Number(key) : key));
  if (path.includes('')) return { wrong: `"${name}" names no field`, fix: 'write --set pretraining.steps=200, say' };
  if (path[0] === 'extends') return { wrong: 'extends is read from the file alone', fix: 'write it into the file, or name the preset in place of the file' };
  const yaml = readYaml(text.slice(equals + 1));
  const problem = yaml.problems[0];
  if (problem !== undefined) return { wrong: problem.message, fix: problem.fix ?? 'write the value as YAML, in quotes for the shell where it has spaces' };
  const where = `--set ${text}`;
  return {
    path,
    own: true,
    value: yaml.value,
    locate: (field) => (covers(path, yaml.value, field) ? where : undefined),
    locateAround: (field) => (field.every((key, i) => path[i] === key) ? where : undefined),
  };
}

function covers(path: FieldPath, value: unknown, field: FieldPath): boolean {
  return path.every((key, i) => field[i] === key) && (field.length === path.length || valueAt(value, field.slice(path.length)) !== undefined);
}

export interface Overridden {
  readonly tree: unknown;
  /** overrides that step into a list by no index of it: they set nothing */
  readonly missed: readonly { readonly override: Override; readonly list: FieldPath; readonly length: number }[];
}

/** Sets every override into the tree; those that choose a type go first, so that their order on the command line is free. */
export function applyOverrides(tree: unknown, overrides: readonly Override[]): Overridden {
  const choosing = ({ path }: Override): boolean => isDiscriminator(path.at(-1));
  const missed: Overridden['missed'][number][] = [];
  let current = tree;
  for (const override of [...overrides.filter(choosing), ...overrides.filter((one) => !choosing(one))]) {
    current = withDefaultLists(current, override.path);
    const miss = missedList(current, override.path);
    if (miss === undefined) current = mergeAt(current, override.path, override.value);
    else missed.push({ override, ...miss });
  }
  return { tree: current, missed };
}

/** A list on the way that nobody has set stands in the tree by its default, so that `comparison.arms.1.name` finds it. */
function withDefaultLists(tree: unknown, path: FieldPath): unknown {
  return path.slice(1).reduce<unknown>((current, _, i) => {
    const field = path.slice(0, i + 1);
    const preset = valueAt(current, field) === undefined ? nodeAt(field, current)?.default : undefined;
    return Array.isArray(preset) ? mergeAt(current, field, preset) : current;
  }, tree);
}

function missedList(tree: unknown, path: FieldPath): { readonly list: FieldPath; readonly length: number } | undefined {
  for (const [i, key] of path.entries()) {
    const list = valueAt(tree, path.slice(0, i));
    if (Array.isArray(list) && !(typeof key === 'number' && key < list.length)) return { list: path.slice(0, i), length: list.length };
  }
  return undefined;
}
