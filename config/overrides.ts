import { mergeAt, valueAt } from './layers.js';
import type { Layer } from './layers.js';
import type { FieldPath } from './problem.js';
import { isDiscriminator, isRecord } from './schema-tree.js';
import { readYaml } from './yaml.js';

export interface Override extends Layer {
  readonly path: FieldPath;
}

/** `pretraining.steps=200`, `seeds=[1, 2]`, `data.sources.0.name=mine`: the right side is YAML. Text in place of an override says what is wrong with it. */
export function readOverride(text: string): Override | { readonly wrong: string; readonly mend: string } {
  const equals = text.indexOf('=');
  if (equals < 0) return { wrong: 'no "=" in it', mend: `write --set ${text.trim() || 'FIELD'}=VALUE` };
  const name = text.slice(0, equals).trim();
  const path = name.split('.').map((key) => (/^(0|[1-9][0-9]*)$/.test(key) ? Number(key) : key));
  if (path.includes('')) return { wrong: `"${name}" names no field`, mend: 'write --set pretraining.steps=200, say' };
  const yaml = readYaml(text.slice(equals + 1));
  const problem = yaml.problems[0];
  if (problem !== undefined) return { wrong: problem.message, mend: 'write the value as YAML, in quotes for the shell where it has spaces' };
  return { path, own: true, value: yaml.value, locate: (field) => (covers(path, yaml.value, field) ? `--set ${text}` : undefined) };
}

function covers(path: FieldPath, value: unknown, field: FieldPath): boolean {
  return path.every((key, i) => field[i] === key) && (field.length === path.length || valueAt(value, field.slice(path.length)) !== undefined);
}

/** Sets every override into the tree; those that choose a type go first, so that their order on the command line is free. */
export function applyOverrides(tree: unknown, overrides: readonly Override[]): unknown {
  const choosing = ({ path }: Override): boolean => isDiscriminator(path.at(-1));
  return [...overrides.filter(choosing), ...overrides.filter((override) => !choosing(override))].reduce(
    (current, { path, value }) => mergeAt(current, path, value),
    tree,
  );
}

/** The override's first step into a list that is too short, or by name: nothing would be set. */
export function missesList(tree: unknown, { path }: Override): { readonly at: FieldPath; readonly length: number } | undefined {
  for (let i = 0; i < path.length; i++) {
    const list = valueAt(tree, path.slice(0, i));
    if (Array.isArray(list) && !(typeof path[i] === 'number' && Number(path[i]) < list.length)) return { at: path.slice(0, i), length: list.length };
    if (list !== undefined && !Array.isArray(list) && !isRecord(list)) return undefined;
  }
  return undefined;
}
