import { z } from 'zod';
import { isRecord } from '../lib/is-record.js';
import type { FieldPath } from './problem.js';
import { runSchema } from './schema.js';

export { isRecord };

/** The part of JSON Schema that zod writes for a run. Errors, documentation, `bliss init` and the editor's schema are all read off this tree. */
export interface SchemaNode {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly patternErrorMessage?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly default?: unknown;
  readonly description?: string;
  /** what to write where something of another kind stands; errors say it, no editor does */
  readonly fix?: string;
  /** of a number; `1`: a pure number */
  readonly unit?: string;
}

let tree: SchemaNode | undefined;

// zod types every keyword of every draft as optional; SchemaNode names those that occur here
const isSchemaNode = (value: unknown): value is SchemaNode => isRecord(value);

export function runTree(): SchemaNode {
  if (tree !== undefined) return tree;
  const written: unknown = z.toJSONSchema(runSchema, {
    io: 'input',
    target: 'draft-7', // the newest that editors' YAML servers know whole
    override: ({ jsonSchema }) => {
      // zod's bounds of a safe integer say nothing to a reader
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  if (!isSchemaNode(written)) throw new TypeError('zod wrote no schema');
  return (tree = written);
}


/** The keys that tell the members of a union apart. */
const DISCRIMINATORS: readonly string[] = ['type', 'architecture'];
export const isDiscriminator = (key: string | number | undefined): boolean => typeof key === 'string' && DISCRIMINATORS.includes(key);

/** The key by which a union is told apart, with the value of each member. */
export function discriminator(node: SchemaNode): { readonly key: string; readonly values: readonly string[] } | undefined {
  const key = Object.keys(node.oneOf?.[0]?.properties ?? {}).find(isDiscriminator);
  if (key === undefined || node.oneOf === undefined) return undefined;
  return { key, values: node.oneOf.flatMap((member) => member.properties?.[key]?.const ?? []) };
}

/** The member of a union that a value belongs to; a node that is no union is its own member. */
export function memberFor(node: SchemaNode, value: unknown): SchemaNode | undefined {
  const by = discriminator(node);
  if (by === undefined) return node;
  return isRecord(value) ? node.oneOf?.find((member) => member.properties?.[by.key]?.const === value[by.key]) : undefined;
}

/** The schema of the field at a path; `value` is the whole configuration, which decides between the members of unions. */
export function nodeAt(path: FieldPath, value: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = runTree();
  let here = value;
  for (const key of path) {
    const by: ReturnType<typeof discriminator> = discriminator(node);
    if (by !== undefined && by.key === key) return { enum: by.values };
    const member: SchemaNode | undefined = memberFor(node, here);
    node = typeof key === 'number' ? member?.items : member?.properties?.[key];
    if (node === undefined) return undefined;
    here = Array.isArray(here) && typeof key === 'number' ? here[key] : isRecord(here) ? here[key] : undefined;
  }
  return node;
}

/** What a field may hold, in words: `an integer ≥ 1`. */
export function allowedText(node: SchemaNode): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.length === 1 ? `"${node.enum[0]}"` : `one of ${node.enum.join(', ')}`;
  if (node.anyOf !== undefined) return node.anyOf.map(allowedText).join(' or ');
  const by = discriminator(node);
  if (by !== undefined) return `a mapping with ${by.key}: ${by.values.join(' or ')}`;
  switch (node.type) {
    case 'integer':
      return `an integer${bounds(node)}`;
    case 'number':
      return `a number${bounds(node)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return node.patternErrorMessage ?? (node.minLength === undefined ? 'text' : 'text, not empty');
    case 'array':
      return `a list${node.minItems === undefined ? '' : ` of ${node.minItems} or more`}${node.items === undefined ? '' : `: ${allowedText(node.items)}`}`;
    case 'object':
    case undefined:
    default:
      return 'a mapping';
  }
}

function bounds(node: SchemaNode): string {
  const parts = [
    ...(node.minimum === undefined ? [] : [`≥ ${node.minimum}`]),
    ...(node.exclusiveMinimum === undefined ? [] : [`> ${node.exclusiveMinimum}`]),
    ...(node.maximum === undefined ? [] : [`≤ ${node.maximum}`]),
    ...(node.exclusiveMaximum === undefined ? [] : [`< ${node.exclusiveMaximum}`]),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

let places: ReadonlyMap<string, readonly string[]> | undefined;

/** All paths of the run's fields that end in a key, lists left out: where a misplaced key may belong. */
export function placesOf(key: string): readonly string[] {
  places ??= grouped(fieldsOf(runTree(), []));
  return places.get(key) ?? [];
}

function grouped(fields: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const field of fields) {
    const key = field.slice(field.lastIndexOf('.') + 1);
    groups.set(key, [...(groups.get(key) ?? []), field]);
  }
  return groups;
}

function fieldsOf(node: SchemaNode, at: readonly string[]): string[] {
  const fields = (node.oneOf ?? [node]).flatMap((member) => Object.entries(member.properties ?? {}).flatMap(([name, child]) => [[...at, name].join('.'), ...fieldsOf(child, [...at, name])]));
  return [...new Set(fields)];
}
